"""The Python client of the muxi server, over TCP or over the socket beside a project.

Imports `core` and `wire` only, so that it can be used far from any server.
"""
