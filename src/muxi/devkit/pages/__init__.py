"""Pages about a server, written from what the running server says. Used by `muxi mcp docs`."""

from __future__ import annotations
