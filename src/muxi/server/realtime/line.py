"""One WebSocket: bytes in, messages out, within bounds of size and time.

Made by uvicorn when a request asks for it. The framing is that of the library `websockets`, on a
connection of our own: what else such libraries bring with each connection weighs three times that.
It must never let a slow or broken peer cost more than its own buffers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from uvicorn.protocols.utils import get_local_addr, get_remote_addr
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from muxi.core.ids import new_id
from muxi.server.addresses import Address
from muxi.server.asking import refuse_repeated
from muxi.server.corked import Corked
from muxi.server.problems import MEDIA_TYPE, Refused, problem_for
from muxi.server.realtime.packets import PING

MAX_MESSAGE: Final = 256 * 1024
"""Bytes of one message: what is larger is uploaded."""
_UNREAD: Final = 128 * 1024
"""Bytes that the system takes for a peer who does not read; by itself it may take megabytes."""
_LONGEST_REASON: Final = 120
"""Bytes of the words that go with a close."""
_LAST_WORD: Final = 1.0
"""Seconds for the peer to say that it closes too."""

WRONG_KIND: Final = 1003
NO_TEXT: Final = 1007
TOO_SLOW: Final = 1008
RESTART: Final = 1012
SIGNED_OUT: Final = 4401
"""The credential is not good any more: come back with another."""
FORBIDDEN: Final = 4403
"""The user may not follow threads any more."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a connection came."""

    server: Address | None = None
    """Where it came in."""
    client: Address | None = None
    """Where it came from; None from a Unix socket."""
    scheme: str = "ws"


class Talk(Protocol):
    """What a connection carries, once it is open."""

    @property
    def tenant(self) -> str:
        """The caller's."""
        ...

    def begin(self) -> None:
        """The connection is open."""
        ...

    def hear(self, text: str) -> None:
        """A message has come."""
        ...

    def hold(self) -> None:
        """The peer takes no more for now."""
        ...

    def go_on(self) -> None:
        """The peer takes more again."""
        ...

    def dropped(self, thread_id: str) -> None:
        """A thread has no further events here."""
        ...

    def farewell(self) -> None:
        """The server ends: the last thing that can be said."""
        ...

    def end(self) -> None:
        """The connection is over."""
        ...

    async def recheck(self) -> bool:
        """Whether the caller may still have the connection, which is closed if not."""
        ...


class House(Protocol):
    """Where connections belong."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside."""
        ...

    async def admit(self, line: Line, target: str, headers: Mapping[bytes, bytes]) -> Talk:
        """What a request for a WebSocket is given; raises what the request is refused with."""
        ...

    def add(self, line: Line) -> None:
        """Look after a connection."""
        ...

    def forget(self, line: Line) -> None:
        """A connection is gone."""
        ...


def _nowhere(data: bytes) -> None:
    """What is said to one who has been told goodbye."""


class Line(asyncio.Protocol):
    """A connection, from the request that asks for it to its end."""

    __slots__ = (
        "_busy",
        "_connections",
        "_pieces",
        "_silent",
        "_stalled",
        "_unsent",
        "_waiters",
        "_ws",
        "house",
        "id",
        "session",
        "slot",
        "transport",
        "way",
        "write",
    )

    session: Talk

    def __init__(self, house: House, connections: set[Any]) -> None:
        self.way = Way()
        self.house = house
        self.id = new_id("sock")
        self.slot = 0
        self._connections = connections
        self._ws = ServerProtocol(max_size=MAX_MESSAGE)
        self._pieces: list[bytes] = []
        self._busy = False
        """Whether the peer takes no more for now."""
        self._waiters: list[asyncio.Future[None]] = []
        self._silent = False
        """Whether nothing has come since the last look."""
        self._stalled = False
        """Whether a message was unfinished at the last look."""
        self._unsent = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        bare = transport.bare if isinstance(transport, Corked) else transport
        self.transport = cast("asyncio.Transport", bare)
        self.write = self.transport.write
        scheme = "ws" if self.transport.get_extra_info("sslcontext") is None else "wss"
        server, client = get_local_addr(self.transport), get_remote_addr(self.transport)
        self.way = Way(server, client, scheme)
        self._connections.add(self)
        opened = self.transport.get_extra_info("socket")
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self.house.forget(self)
        for waiter in self._waiters:
            waiter.cancel()
        self._waiters.clear()

    def data_received(self, data: bytes) -> None:
        self._silent = self._stalled = False
        ws = self._ws
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Request):
                # Nothing more is read before it is known who asks.
                self.transport.pause_reading()
                self.house.spawn(self._admit(event))
            elif isinstance(event, Frame):
                self._hear(event)
        self._flush()

    def eof_received(self) -> bool | None:
        self._ws.receive_eof()
        self._flush()
        return None

    def pause_writing(self) -> None:
        self._busy = True
        self.session.hold()

    def resume_writing(self) -> None:
        self._busy = False
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        self._waiters.clear()
        self.session.go_on()

    async def writable(self) -> None:
        """Return once the peer takes more."""
        while self._busy:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def close(self, code: int, reason: str) -> None:
        """Say why, and end the connection."""
        if self._ws.state is OPEN:
            text = reason.encode()[:_LONGEST_REASON].decode(errors="ignore")
            self.session.end()
            self._ws.send_close(code, text)
            self._flush()
            # Nothing may follow the frame that closes.
            self.write = _nowhere
        asyncio.get_running_loop().call_later(_LAST_WORD, self.transport.abort)

    def shutdown(self) -> None:
        """The server ends: called by uvicorn for each connection."""
        if self._ws.state is OPEN:
            self.session.farewell()
            self.close(RESTART, "The server restarts.")
        else:
            self.transport.close()

    def look(self) -> None:
        """Called from time to time: end what is dead or too slow, and ask whether it is there."""
        unsent = self.transport.get_write_buffer_size()
        moves = unsent != self._unsent
        self._unsent = unsent
        unfinished = bool(self._pieces or self._ws.reader.buffer)
        if unfinished and self._stalled:
            self.close(TOO_SLOW, "The message did not come in time.")
        elif self._silent and not moves:
            self.transport.abort()
        elif self._ws.state is OPEN:
            self._silent, self._stalled = True, unfinished
            self.write(PING)

    def _hear(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._ws.fail(WRONG_KIND, "Messages are JSON, sent as text.")
        elif frame.opcode in (Opcode.TEXT, Opcode.CONT):
            self._pieces.append(bytes(frame.data))
            if frame.fin:
                data, self._pieces = b"".join(self._pieces), []
                try:
                    text = data.decode()
                except UnicodeDecodeError:
                    self._ws.fail(NO_TEXT, "The message is not UTF-8.")
                else:
                    self.session.hear(text)

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self.transport.write(data)
            else:
                self.transport.close()

    async def _admit(self, request: Request) -> None:
        pairs = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in request.headers.raw_items()
        ]
        try:
            refuse_repeated(pairs)
            session = await self.house.admit(self, request.path, dict(pairs))
        except Exception as error:  # noqa: BLE001 -- the boundary of a request: whatever is wrong with it is answered
            self._refuse(error)
            return
        response = self._ws.accept(request)
        self._ws.send_response(response)
        self._flush()
        if self._ws.state is OPEN:
            self.session = session
            self.house.add(self)
            session.begin()
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def _refuse(self, error: Exception) -> None:
        problem = problem_for(error)
        response = self._ws.reject(problem.status, problem.model_dump_json())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = MEDIA_TYPE
        if isinstance(seconds := problem.details.get("retry_after"), int):
            response.headers["Retry-After"] = str(seconds)
        if isinstance(error, Refused):
            for name, value in error.headers:
                response.headers[name.decode("latin-1")] = value.decode("latin-1")
        self._ws.send_response(response)
        self._flush()
