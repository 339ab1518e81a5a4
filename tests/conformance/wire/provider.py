"""A provider on this machine: answers over real HTTP with the bytes of the case that is asked for.

The name of the model names the case. It runs in a thread of its own, so that SDKs may block.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from .composed import CASES
from .composed.case import Case

_IN_PATH = re.compile(r"models/([^:/]+)")


def pieces(stream: bytes, size: int) -> Iterator[bytes]:
    """`stream` cut every `size` bytes, also inside characters and line ends; 0 for not at all."""
    if size == 0:
        yield stream
        return
    for start in range(0, len(stream), size):
        yield stream[start : start + size]


async def _answer(request: web.Request) -> web.StreamResponse:
    body = await request.json()
    named = _IN_PATH.search(request.path)
    name = named[1] if named else body["model"]
    case = _BY_NAME[request.match_info["format"], name]
    response = web.StreamResponse(
        status=case.status, headers={"Content-Type": case.kind, **case.headers}
    )
    await response.prepare(request)
    for piece in pieces(case.stream, int(request.headers.get("X-Pieces", "0"))):
        await response.write(piece)
    if case.cut:
        assert request.transport is not None
        request.transport.close()
    else:
        await response.write_eof()
    return response


_BY_NAME: dict[tuple[str, str], Case] = {
    (format_, case.name): case for format_, cases in CASES.items() for case in cases
}


@contextmanager
def provider() -> Iterator[str]:
    """The base URL, without a format, for as long as the context lasts."""
    ready: list[str] = []
    started = threading.Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        app = web.Application()
        app.router.add_post("/{format}/{tail:.*}", _answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        ready.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
        started.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert started.wait(10)
        yield ready[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(10)
        loop.close()
