"""Answers that are sound, in pieces as they come. Used by the doors that speak."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from starlette.responses import StreamingResponse
from starlette.types import Send

from muxi.core.errors import ModelProtocolError


class Sound(StreamingResponse):
    """Pieces of a generator, which is closed when the listener goes."""

    def __init__(self, pieces: AsyncGenerator[bytes], media_type: str) -> None:
        super().__init__(pieces, headers={"cache-control": "no-store"}, media_type=media_type)
        self._pieces = pieces

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self._pieces):
            await super().stream_response(send)


async def begun(pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """`pieces`, the first of which has come: what fails before it still has an answer of its own.

    Raises:
        ModelProtocolError: There is none.
    """
    try:
        first = await anext(pieces)
    except StopAsyncIteration:
        raise ModelProtocolError("No sound came.") from None
    return _after(first, pieces)


async def _after(first: bytes, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(pieces):
        yield first
        async for piece in pieces:
            yield piece
