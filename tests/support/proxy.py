"""A proxy that cuts every connection after so many bytes of answers, as bad networks do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass
class Cuts:
    """How often a connection was cut."""

    count: int = 0


@asynccontextmanager
async def cutting_proxy(url: str, *, after: int) -> AsyncGenerator[tuple[str, Cuts]]:
    """Forward to the server at `url`, and abort each connection after `after` bytes back.

    The `Host` header is rewritten, so that the server takes the proxy for itself.
    """
    parts = urlsplit(url)
    cuts = Cuts()

    forwarding: set[asyncio.Task[None]] = set()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        forwarding.add(task)
        own = writer.get_extra_info("sockname")[1]
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", parts.port)
        up = asyncio.create_task(_copy_up(reader, up_writer, own, parts.port or 80))
        left = after
        try:
            while left > 0 and (data := await up_reader.read(left)):
                writer.write(data)
                await writer.drain()
                left -= len(data)
        finally:
            if left <= 0:
                cuts.count += 1
                writer.transport.abort()
            up.cancel()
            for each in (writer, up_writer):
                each.transport.abort()
            with suppress(asyncio.CancelledError, OSError):
                await up

    server = await asyncio.start_server(forward, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"http://localhost:{port}", cuts
    finally:
        server.close()
        for task in forwarding:
            task.cancel()
        await asyncio.gather(*forwarding, return_exceptions=True)


async def _copy_up(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, own: int, port: int
) -> None:
    while data := await reader.read(65536):
        writer.write(data.replace(f"localhost:{own}".encode(), f"localhost:{port}".encode()))
        await writer.drain()
