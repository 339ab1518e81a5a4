"""The address of this server, for whoever must come back to it. Called by routes of signing in."""

from __future__ import annotations

from typing import Any

from muxi.server.operations import Call


def own_address(call: Call[Any, Any]) -> str:
    """This server's own address, as the browser has it; `Host` was compared before."""
    declared = call.runtime.project.server.url
    return declared or f"{call.scheme}://{call.headers.get(b'host', b'').decode('latin-1')}"
