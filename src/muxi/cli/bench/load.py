"""Load on a server, with as little work of its own as possible. Used by `measures`.

It shares the machine with what it measures, so it speaks just enough HTTP and WebSocket.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any, Final

from muxi.cli.bench.process import Server
from muxi.core.errors import MuxiError

_END: Final = b"\r\n0\r\n\r\n"
_COMPLETED: Final = b'"status":"completed"'
_SAID: Final = re.compile(rb'"type":"text\.delta"[^}]*"text":"([0-9 ]+)"')
"""Words of an answer; a server that is busy tells several at once."""
_UPGRADE: Final = (
    "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@dataclass(slots=True)
class Turns:
    """What a load of turns has found."""

    walls: list[float] = field(default_factory=list[float])
    """Seconds of each turn."""
    delays: list[float] = field(default_factory=list[float])
    """Seconds from a word at the provider to the word here."""
    failed: int = 0


class Caller:
    """One keep-alive connection that begins runs and reads them to their end."""

    def __init__(self, server: Server, agent: str) -> None:
        self._server = server
        body = json.dumps({"input": "Tell me something.", "agent": agent}).encode()
        head = (
            f"POST /api/runs/stream HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n"
            f"Authorization: Bearer {server.token}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def turn(self, found: Turns) -> None:
        """One run, from its request to its end."""
        started = time.perf_counter()
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection(
                    self._server.host, self._server.port, limit=1 << 20
                )
            reader, writer = self._streams
            writer.write(self._request)
            data = await self._read(reader, found)
        except OSError:
            self._streams = None
            found.failed += 1
            return
        found.failed += _COMPLETED not in data
        found.walls.append(time.perf_counter() - started)

    async def _read(self, reader: asyncio.StreamReader, found: Turns) -> bytes:
        data = b""
        while not data.endswith(_END):
            chunk = await reader.read(1 << 16)
            if not chunk:
                raise ConnectionError("The server cut the connection.")
            now = time.monotonic_ns()
            for said in _SAID.findall(chunk):
                found.delays += [(now - int(word)) / 1e9 for word in said.split()]
            # The end is all that is looked for.
            data = data[-4096:] + chunk
        return data

    def close(self) -> None:
        """End the connection."""
        if self._streams is not None:
            self._streams[1].close()


async def turns(server: Server, agent: str, *, at_once: int, seconds: float) -> Turns:
    """So many callers, one turn after the other, for a time."""
    found = Turns()
    end = time.perf_counter() + seconds

    async def work() -> None:
        caller = Caller(server, agent)
        while time.perf_counter() < end:
            await caller.turn(found)
        caller.close()

    await asyncio.gather(*(work() for _ in range(at_once)))
    return found


class Sockets:
    """Idle WebSockets, each of which counts the bytes that it gets."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._all: list[_Idle] = []

    async def open(self, count: int, *, thread_id: str | None = None) -> None:
        """Open so many, each of which follows a thread if one is named."""
        for start in range(0, count, 100):
            size = min(100, count - start)
            await asyncio.gather(*(self._one(thread_id) for _ in range(size)))

    def close(self) -> None:
        """End all of them."""
        for each in self._all:
            each.transport.abort()

    async def _one(self, thread_id: str | None) -> None:
        idle = _Idle()
        server = self._server
        await asyncio.get_running_loop().create_connection(lambda: idle, server.host, server.port)
        idle.transport.write(
            f"GET /ws HTTP/1.1\r\nHost: {server.host}:{server.port}\r\n{_UPGRADE}"
            f"Authorization: Bearer {server.token}\r\n\r\n".encode()
        )
        await idle.hear(b'"ready"')
        if thread_id is not None:
            idle.say({"type": "subscribe", "thread_id": thread_id})
            await idle.hear(b'"reply"')
        self._all.append(idle)


class _Idle(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self) -> None:
        self._rest = b""
        self._waiting: tuple[bytes, asyncio.Future[None]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None and not self._waiting[1].done():
            self._waiting[1].set_exception(MuxiError("The server closed a WebSocket."))

    def data_received(self, data: bytes) -> None:
        if data == b"\x89\x00":
            # A ping: its pong, with the mask of zeros.
            self.transport.write(b"\x8a\x80\0\0\0\0")
            return
        self._rest = (self._rest + data)[-8192:]
        self._look()

    def say(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
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
