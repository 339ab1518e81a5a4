"""JSON lines, for what may be too much for one JSON value. Used by the resource files.

An answer is made while it is read, so that the memory it takes does not grow with its length.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from starlette.responses import Response, StreamingResponse

MEDIA_TYPE = "application/x-ndjson"

_ENOUGH = 65_536
"""Characters that are sent at once."""


async def stream(lines: AsyncGenerator[str]) -> Response:
    """An answer with these lines, none of which has a line end.

    What is wrong before the first line is raised here, where it can still be told. A later error
    breaks the answer off, so that nobody takes a part for the whole.
    """
    first = await anext(lines, None)
    headers = {"cache-control": "no-store"}
    return StreamingResponse(_chunks(first, lines), 200, headers, media_type=MEDIA_TYPE)


async def _chunks(first: str | None, lines: AsyncGenerator[str]) -> AsyncIterator[str]:
    async with aclosing(lines):
        waiting = [] if first is None else [first, "\n"]
        size = 0
        async for line in lines:
            waiting += (line, "\n")
            size += len(line)
            if size >= _ENOUGH:
                yield "".join(waiting)
                waiting.clear()
                size = 0
        yield "".join(waiting)
