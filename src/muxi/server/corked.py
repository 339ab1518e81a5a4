"""A connection that gathers what is written in one turn of the event loop and sends it together.

Given to uvicorn by `serve`. The head of an answer and its first events, or the last events and
the end of the body, are writes of their own; each packet costs more than all the rest of a write.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

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
    """uvicorn's protocol on a corked connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(cast("asyncio.Transport", Corked(transport, self.loop)))
