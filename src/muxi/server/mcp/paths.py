"""Where MCP is served, and what the dispatcher leaves for it. It must stay light."""

from __future__ import annotations

from typing import Final

PATH: Final = "/mcp"
"""Streamable HTTP."""
LINES: Final = "/mcp/lines"
"""A whole conversation in one request, for `muxi mcp serve`."""
CALLER: Final = "muxi.caller"
"""Where the dispatcher leaves in the scope who asks."""
