"""A server object in this process: the SDK's own loop, fed by queues instead of a pipe.

Used by `devkit.connect`. It is the one wire that imports the SDK, and the server's module.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from muxi.core.errors import ServerUnavailable
from muxi.devkit.host import NoServer, load_server, low_level
from muxi.devkit.target import Transport
from muxi.devkit.wires.wire import Inbox, Message

_GRACE = 2.0
"""Seconds that the server gets to end."""


class MemoryWire:
    """An object with the SDK's server in it."""

    transport: Transport = "memory"

    def __init__(
        self, place: str, attribute: str | None, env: Mapping[str, str], folder: Path | None
    ) -> None:
        self._place = place
        self._attribute = attribute
        self._env = env
        self._before: dict[str, str | None] = {}
        self._folder = folder
        self._to_server: Any = None
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, inbox: Inbox) -> None:
        import anyio
        from mcp.shared.message import SessionMessage

        self._before = {name: os.environ.get(name) for name in self._env}
        os.environ.update(self._env)
        if self._folder is not None and str(self._folder) not in sys.path:
            sys.path.insert(0, str(self._folder))
        try:
            server = low_level(load_server(self._place, self._attribute))
        except NoServer as error:
            raise ServerUnavailable(
                str(error), hint="Without an object it can be started over stdio only."
            ) from error
        except Exception as error:
            words = f"The server cannot be imported: {type(error).__name__}: {error}"
            raise ServerUnavailable(words, hint="Its module must be importable alone.") from error
        self._to_server, incoming = anyio.create_memory_object_stream[Any](100)
        outgoing, from_server = anyio.create_memory_object_stream[SessionMessage](100)
        serving = asyncio.create_task(_serve(server, incoming, outgoing))
        self._tasks = [serving, asyncio.create_task(_read(from_server, serving, inbox))]

    async def send(self, message: Message, headers: Mapping[str, str]) -> None:
        import anyio
        from mcp.shared.message import SessionMessage
        from mcp_types import jsonrpc_message_adapter

        read = SessionMessage(jsonrpc_message_adapter.validate_python(message))
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await self._to_server.send(read)

    async def abandon(self, request: int | str) -> None:
        params = {"requestId": request, "reason": "nobody waits any more"}
        await self.send(
            {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}, {}
        )

    async def close(self) -> None:
        for name, value in self._before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        if not self._tasks:
            return
        await self._to_server.aclose()
        _, pending = await asyncio.wait(self._tasks, timeout=_GRACE)
        for task in pending:
            task.cancel()
        await asyncio.wait(self._tasks)


async def _serve(server: Any, incoming: Any, outgoing: Any) -> None:
    async with incoming, outgoing:
        await server.run(incoming, outgoing, server.create_initialization_options())


async def _read(from_server: Any, serving: asyncio.Task[None], inbox: Inbox) -> None:
    async with from_server:
        async for message in from_server:
            inbox.received(
                message.message.model_dump(mode="json", by_alias=True, exclude_unset=True)
            )
    await asyncio.wait([serving])
    failed = None if serving.cancelled() else serving.exception()
    inbox.ended("it ended" if failed is None else f"it failed: {failed!r}")
