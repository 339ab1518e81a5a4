"""The body of a request: read as long as it is not too long and comes in time.

Called by the dispatcher, and by operations that take a body piece by piece.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from starlette.types import Receive

from muxi.core.errors import InvalidInput, MuxiError
from muxi.server.operations import Headers
from muxi.server.problems import Refused

MAX_BODY = 64 * 1024 * 1024
"""Bytes of the largest body: a message with images, not an upload."""

BODY_SECONDS = 30.0
"""Seconds for a body to come, and for each of its pieces as many more as `_SLOWEST` needs."""

_SLOWEST = 64 * 1024
"""Bytes a second of the slowest line that is waited for."""


async def read_body(receive: Receive, headers: Headers) -> bytes:
    """The body, as long as it is not too long and comes in time.

    Raises:
        Refused: It is or does not, or the client broke it off.
    """
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > MAX_BODY:
        raise _too_large()
    deadline = asyncio.get_running_loop().time() + BODY_SECONDS
    timer = asyncio.timeout_at(deadline)
    try:
        async with timer:
            return await _collect(receive, timer, deadline)
    except TimeoutError:
        raise _too_slow() from None


async def _collect(receive: Receive, timer: asyncio.Timeout, deadline: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    more = True
    while more:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, InvalidInput("The request was broken off."))
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY:
            raise _too_large()
        chunks.append(chunk)
        more = message.get("more_body", False)
        if more:
            timer.reschedule(deadline + size / _SLOWEST)
    return b"".join(chunks)


async def pieces(receive: Receive) -> AsyncIterator[bytes]:
    """The body as it comes, however long, as long as something comes.

    Raises:
        Refused: The client broke it off, or was silent for too long.
    """
    more = True
    while more:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message: Any = await receive()
        except TimeoutError:
            raise _too_slow() from None
        if message["type"] == "http.disconnect":
            raise Refused(400, InvalidInput("The request was broken off."))
        yield message.get("body", b"")
        more = message.get("more_body", False)


def _too_slow() -> Refused:
    error = InvalidInput(
        "The body of the request did not come in time.",
        hint="Send the whole body at once; `Content-Length` must be its length.",
    )
    return Refused(408, error, ((b"connection", b"close"),))


def _too_large() -> Refused:
    error: MuxiError = InvalidInput(
        f"The body is larger than {MAX_BODY >> 20} MiB.",
        hint="Send large files by address instead of by value.",
    )
    # The rest of the body is not read, so the connection cannot be used again.
    return Refused(413, error, ((b"connection", b"close"),))
