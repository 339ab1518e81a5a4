"""Ranking, shared by memory, knowledge and the choice of tools: words, vectors, names, dates.

Called by `memory`, `knowledge` and `runtime`; it knows passages and their owners, never what they
are for. Importing this package loads nothing heavy.
"""
