"""A model provider on this machine, over real HTTP, that answers as a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Upstream:
    """What the provider was asked, and how it answers next."""

    answer: Answer
    url: str = ""
    bodies: list[Any] = field(default_factory=list)
    requests: list[web.Request] = field(default_factory=list)
    connections: set[tuple[str, int]] = field(default_factory=set)
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        raw = await request.read()
        self.bodies.append(await request.json() if raw else None)
        if request.transport is not None:
            self.connections.add(request.transport.get_extra_info("peername"))
        try:
            return await self.answer(request)
        except (ConnectionResetError, asyncio.CancelledError):
            self.disconnected.set()
            raise


def chunks(
    *pieces: bytes, hold: asyncio.Event | None = None, cut: bool = False, **headers: str
) -> Answer:
    """Answer with `pieces`, one write each; then wait for `hold`, then end or cut the stream."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **headers})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        if hold is not None:
            await hold.wait()
        if cut:
            assert request.transport is not None
            request.transport.abort()
        else:
            await response.write_eof()
        return response

    return answer


def sse(events: Iterable[str]) -> bytes:
    return b"".join(f"data: {event}\n\n".encode() for event in events)


def status(code: int, body: Any = None, **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        if isinstance(body, str):
            return web.Response(status=code, text=body, headers=headers)
        return web.json_response(body, status=code, headers=headers)

    return answer


@asynccontextmanager
async def serve(answer: Answer) -> AsyncIterator[Upstream]:
    upstream = Upstream(answer)
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", upstream.handle)
    runner = web.AppRunner(app, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    upstream.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        yield upstream
    finally:
        await runner.cleanup()
