"""What uvicorn asks when a request wants to become a WebSocket. Given to it by `serve`.

The code of WebSockets is loaded with the first such request: a server starts without it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from uvicorn.config import Config
from uvicorn.server import ServerState

from muxi.runtime.build import Runtime
from muxi.server.access import Access

if TYPE_CHECKING:
    from muxi.server.realtime.hub import Hub


class Upgrades:
    """Makes the protocol of each WebSocket."""

    def __init__(self, runtime: Runtime, access: Access) -> None:
        self._runtime = runtime
        self._access = access
        self._hub: Hub | None = None

    def __call__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any]
    ) -> asyncio.Protocol:
        from muxi.server.realtime.hub import Hub
        from muxi.server.realtime.line import Line

        if self._hub is None:
            proxies = self._runtime.project.server.proxies
            self._hub = Hub(self._runtime, self._access, proxies=proxies)
        return Line(self._hub, server_state.connections)
