"""A line of the log for every request, while the project wants that. Put around the application.

It names the path and never the query, which may hold a secret, nor what was sent.
"""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from muxi.config.server_settings import ServerSettings

_log = logging.getLogger("muxi.requests")


class RequestLog:
    """The application, whose answers are written down when they are over."""

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._settings.logs.requests:
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        status = 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            told = {
                "method": scope["method"],
                "path": scope["path"][:500],
                "status": status,
                "milliseconds": round(1000 * (time.perf_counter() - begun), 1),
                "client": (scope["client"] or ("socket",))[0],
            }
            _log.info("%s %s", told["method"], told["path"], extra=told)
