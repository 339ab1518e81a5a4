"""Very many connections from one address, and whether anybody else notices. Called by `parts`.

A third of the visitors leave at once, a third ask without credentials, and a third begin a request
and never end it.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from muxi.cli.bench.figures import Figures, Found, Options
from muxi.cli.bench.load import Caller, Turns, at
from muxi.cli.bench.processes import Server

_A_SECOND: Final = 100_000 / 60
_AT_ONCE: Final = 1_000
"""Visitors who knock or ask at the same time; those who wait are held beside them."""
_HELD: Final = 6_000
"""Half requests that are held open at most; then the oldest goes away."""
_PATIENCE: Final = 60.0
_ANOTHER: Final = "127.0.0.2"
_OTHERS: Final = 4
_GONE: Final = struct.pack("ii", 1, 0)
"""Ends a connection by a reset, so that no port stays taken for a minute."""
_HALF: Final = b"GET /api/threads HTTP/1.1\r\nHost: localhost\r\nX-Half: "


@dataclass(slots=True)
class Flood:
    """What a flood has met."""

    made: int = 0
    refused: int = 0
    """Connections that were not taken, or cut off without a word."""
    answered: int = 0
    """Requests that got an answer, which is 401 or 429."""
    seconds: float = 0.0
    held: list[asyncio.StreamWriter] = field(default_factory=list[asyncio.StreamWriter])


def measure_flood(server: Server, upstream: str, options: Options) -> Found:
    """As many connections a minute as 100,000, and turns of somebody elsewhere meanwhile."""
    count = options.connections
    name = f"{count:,} connections of one address in {count / _A_SECOND:,.0f} s"
    options.told(name)
    return {name: asyncio.run(flooded(server, count))}


async def flooded(server: Server, count: int, *, agent: str = "instant") -> Figures:
    """What so many connections do to a server, and to turns of an agent that others take there."""
    calm = Turns()
    second = asyncio.create_task(asyncio.sleep(1))
    # As many as later: what a server keeps open for them is no part of the flood.
    await asyncio.gather(*(_talk(server, agent, calm, second) for _ in range(_OTHERS)))
    memory, open_before, cpu = server.rss, server.descriptors, server.cpu
    others, met = Turns(), Flood()
    flooding = asyncio.create_task(_flood(server, count, met))
    most = memory

    async def watch() -> None:
        nonlocal most
        while not flooding.done():
            most = max(most, server.rss)
            await asyncio.sleep(0.2)

    await asyncio.gather(
        flooding, watch(), *(_talk(server, agent, others, flooding) for _ in range(_OTHERS))
    )
    used = server.cpu - cpu
    return {
        "connections/s": met.made / met.seconds,
        "answered": met.answered,
        "refused or cut": met.refused,
        "turns of others": len(others.walls),
        "failed": others.failed,
        "p50 ms": at(others.walls, 0.5) * 1000,
        "p99 ms": at(others.walls, 0.99) * 1000,
        "p99 ms before": at(calm.walls, 0.99) * 1000,
        "rss MiB more at most": (most - memory) / 1024,
        "rss MiB more after": (server.rss - memory) / 1024,
        "descriptors more after": await _left(server, open_before),
        "cpu us each, with the others": used / met.made * 1e6,
    }


async def _flood(server: Server, count: int, met: Flood) -> None:
    """So many connections, no faster than 100,000 a minute."""
    turn = asyncio.Semaphore(_AT_ONCE)
    began = time.perf_counter()
    async with asyncio.TaskGroup() as visitors:
        for number in range(count):
            ahead = began + number / _A_SECOND - time.perf_counter()
            if ahead > 0.005:
                await asyncio.sleep(ahead)
            await turn.acquire()
            visit = visitors.create_task(_visit(server, number % 3, met))
            visit.add_done_callback(lambda _: turn.release())
    met.seconds = time.perf_counter() - began
    for writer in met.held:
        _leave(writer)


async def _visit(server: Server, kind: int, met: Flood) -> None:
    met.made += 1
    try:
        async with asyncio.timeout(_PATIENCE):
            reader, writer = await asyncio.open_connection(server.host, server.port)
    except (OSError, TimeoutError):
        met.refused += 1
        return
    if kind == 2:
        writer.write(_HALF)
        met.held.append(writer)
        if len(met.held) > _HELD:
            _leave(met.held.pop(0))
        return
    if kind == 1:
        writer.write(f"GET /api/threads HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode())
        try:
            async with asyncio.timeout(_PATIENCE):
                told = await reader.read(1024)
        except (OSError, TimeoutError):
            told = b""
        met.answered += told.startswith((b"HTTP/1.1 401", b"HTTP/1.1 429"))
        met.refused += not told
    _leave(writer)


def _leave(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _GONE)
    writer.transport.abort()


async def _talk(server: Server, agent: str, found: Turns, until: asyncio.Task[None]) -> None:
    """Somebody at another address who has a key and takes one turn after the other."""
    caller = Caller(server, agent, address=_ANOTHER)
    while not until.done():
        await caller.turn(found)
    caller.close()


async def _left(server: Server, before: int) -> int:
    """Descriptors that are still open once the flood is over, after a while."""
    end = time.monotonic() + _PATIENCE
    while (more := server.descriptors - before) > 0 and time.monotonic() < end:  # noqa: ASYNC110 -- another process closes them
        await asyncio.sleep(0.1)
    return max(0, more)
