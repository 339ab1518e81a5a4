"""Writes new projects: MCP servers, and parts of them; tools and agents of a muxi project.

Called by the command line. What is written comes from the texts in `templates/`, and nothing of it
runs here but the new server's own listing, in a process of its own.
"""
