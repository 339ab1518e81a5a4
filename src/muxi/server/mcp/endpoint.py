"""Where MCP is asked for: makes the server of MCP when it is first needed.

Called by the dispatcher. It must stay light: a project that no client of MCP asks never imports the
SDK.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Protocol

from starlette.types import Receive, Scope, Send

from muxi.runtime.build import Runtime
from muxi.server.mcp.paths import LINES


class Host(Protocol):
    """What serves MCP; see `host`."""

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None: ...

    async def serve_lines(self, scope: Scope, receive: Receive, send: Send) -> None: ...


class Endpoint:
    """The server of MCP, which lives from the first request on.

    Args:
        make: Makes it, in a thread, since that imports the SDK.
    """

    def __init__(self, make: Callable[[], Host]) -> None:
        self._make = make
        self._starting: asyncio.Task[Host] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request to one of the paths, which was found to be allowed."""
        if self._starting is None:
            self._starting = asyncio.create_task(self._start())
        host = await asyncio.shield(self._starting)
        serve = host.serve_lines if scope["path"] == LINES else host.serve
        await serve(scope, receive, send)

    async def close(self) -> None:
        """End all sessions, if there ever was one."""
        if self._starting is not None:
            await (await self._starting).close()

    async def _start(self) -> Host:
        host = await asyncio.to_thread(self._make)
        await host.start()
        return host


def endpoint_of(runtime: Runtime) -> Endpoint | None:
    """The endpoint of a project, or None if it offers nothing."""
    return Endpoint(partial(_project_host, runtime)) if runtime.project.server.mcp.enabled else None


def _project_host(runtime: Runtime) -> Host:
    from muxi.server.mcp.project import project_host

    return project_host(runtime)
