"""For users of muxi: doubles, conformance suites and the pytest plugin.

May import every room, and nothing imports it.
"""
