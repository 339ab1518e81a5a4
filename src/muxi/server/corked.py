"""A connection that gathers what is written in one turn of the event loop and sends it together.

Given to uvicorn by `serve`. The head of an answer and its first events, or the last events and
the end of the body, are writes of their own; each packet costs more than all the rest of a write.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from muxi.server.arrivals import LARGEST_HEAD, PATIENCE, Arrivals

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)

_ENOUGH = 65536
"""Bytes that are sent at once, so that a fast writer feels the back-pressure of its reader."""


class Corked:
    """A transport whose writes wait for the end of this turn of the loop."""

    __slots__ = ("_loop", "_pieces", "_size", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []
        self._size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def bare(self) -> asyncio.Transport:
        """The transport itself, for what gathers its writes by other rules."""
        return self._transport

    def write(self, data: bytes) -> None:
        """Send `data` after what was written before, soon."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(data)
        self._size += len(data)
        if self._size >= _ENOUGH:
            self._flush()

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            self._size = 0
            self._transport.write(data)


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's protocol on a corked connection, which waits neither for ever nor for any amount of
    a request's head.

    Args:
        arrivals: Counts the connections that have not said yet what they want.
        options: What uvicorn gives.
    """

    def __init__(self, *, arrivals: Arrivals, **options: Any) -> None:
        super().__init__(**options)
        self._arrivals = arrivals
        self._counted: str | None = None
        """Where it came from, as long as it is counted there."""
        self._head: asyncio.TimerHandle | None = None
        """Ends the wait for the head of a request."""
        self._head_size = 0

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(cast("asyncio.Transport", Corked(transport, self.loop)))
        if self.client is not None:
            if not self._arrivals.come(self.client[0]):
                transport.abort()
                return
            self._counted = self.client[0]
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_has_come()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._head is not None:
            self._head_size += len(data)
            if self._head_size > LARGEST_HEAD:
                self.transport.write(_TOO_LARGE)
                self.transport.close()

    def on_message_begin(self) -> None:
        if self._head is None:
            self._await_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._head_has_come()
        super().on_headers_complete()

    def _await_head(self) -> None:
        self._head_size = 0
        self._head = self.loop.call_later(PATIENCE, self.transport.close)

    def _head_has_come(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None
        if self._counted is not None:
            self._arrivals.leave(self._counted)
            self._counted = None
