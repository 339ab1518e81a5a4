"""The address of this server, for whoever must come back to it. Called by doors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muxi.config.project import Project
from muxi.server.operations import Call


def own_address(call: Call[Any, Any]) -> str:
    """This server's own address, as the browser has it."""
    return address_of(call.runtime.project, call.headers, call.scheme)


def address_of(project: Project, headers: Mapping[bytes, bytes], scheme: str) -> str:
    """This server's address, as whoever sent a request has it; `Host` was compared before."""
    return project.server.url or f"{scheme}://{headers.get(b'host', b'').decode('latin-1')}"
