"""WebSockets as load on a server: idle ones, ones that listen, and ones that begin runs.

Used by `measures`. Each counts the bytes that it gets, or how late the words in them are.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any, Final

from muxi.cli.bench.load import Turns
from muxi.cli.bench.processes import Server
from muxi.core.errors import MuxiError

_UPGRADE: Final = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
_TOGETHER: Final = 100
"""So many are opened at once."""
_LONGEST: Final = 60.0
"""Seconds in which they are opened; those that are not by then have failed."""
_PING: Final = 0x89
_SHORT: Final = 126
"""Bytes from which on a frame says its length in more than one byte."""


class Sockets:
    """Many connections to one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._all: list[_Socket] = []
        self.failed = 0
        """Connections that were not taken."""

    async def open(self, count: int, *, thread_id: str | None = None) -> None:
        """Open so many, each of which follows a thread if one is named."""
        end = time.perf_counter() + _LONGEST
        for start in range(0, count, _TOGETHER):
            if time.perf_counter() > end:
                self.failed += count - start
                return
            size = min(_TOGETHER, count - start)
            await asyncio.gather(*(self._one(thread_id) for _ in range(size)))

    async def run(self, agent: str, *, over: float, patience: float) -> Turns:
        """Let each begin a run of its own and follow it to its end.

        Args:
            agent: Which one.
            over: Seconds over which they begin.
            patience: Seconds after that in which they may end; else they have failed.
        """
        found = Turns()
        for socket in self._all:
            socket.listen(self._server.talk.said, found)
            socket.say({"type": "send", "run": {"input": "x", "agent": agent}, "subscribe": True})
            await asyncio.sleep(over / len(self._all))
        heard = [socket.hear(self._server.talk.completed) for socket in self._all]
        _, late = await asyncio.wait(
            [asyncio.ensure_future(each) for each in heard], timeout=patience
        )
        found.failed = len(late)
        for task in late:
            task.cancel()
        return found

    def close(self) -> None:
        """End all of them."""
        for each in self._all:
            each.transport.abort()

    async def _one(self, thread_id: str | None) -> None:
        try:
            self._all.append(await self._opened(thread_id))
        except (OSError, MuxiError):
            self.failed += 1

    async def _opened(self, thread_id: str | None) -> _Socket:
        socket = _Socket()
        server, loop = self._server, asyncio.get_running_loop()
        await loop.create_connection(lambda: socket, server.host, server.port)
        credential = f"Authorization: Bearer {server.token}\r\n" if server.token else ""
        socket.transport.write(
            f"GET {server.talk.socket} HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            f"{_UPGRADE}{credential}\r\n".encode()
        )
        await socket.hear(server.talk.greeting)
        if thread_id is not None:
            socket.say({"type": "subscribe", "thread_id": thread_id})
            await socket.hear(b'"reply"')
        return socket


class _Socket(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self._rest = b""
        self._waiting: tuple[bytes, asyncio.Future[None]] | None = None
        self._words: re.Pattern[bytes] | None = None
        self._found = Turns()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_exception(MuxiError("The server closed a WebSocket."))

    def data_received(self, data: bytes) -> None:
        if data[0] == _PING and data[1] < _SHORT:
            # A ping: its pong, with the mask of zeros.
            self.transport.write(bytes((0x8A, 0x80 | data[1])) + bytes(4) + data[2 : 2 + data[1]])
            return
        if self._words is not None:
            now = time.monotonic_ns()
            for said in self._words.findall(data):
                self._found.events += 1
                self._found.delays += [(now - int(word)) / 1e9 for word in said.split()]
        if self._waiting is not None:
            self._rest = (self._rest + data)[-8192:]
            self._look()

    def listen(self, words: re.Pattern[bytes], found: Turns) -> None:
        self._words, self._found = words, found

    def say(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        assert len(data) < _SHORT
        self.transport.write(bytes((0x81, 0x80 | len(data))) + bytes(4) + data)

    async def hear(self, mark: bytes) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting = mark, future
        self._look()
        await future

    def _look(self) -> None:
        if self._waiting is not None and self._waiting[0] in self._rest:
            future, self._waiting, self._rest = self._waiting[1], None, b""
            if not future.done():
                future.set_result(None)
