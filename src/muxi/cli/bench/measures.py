"""What `muxi bench server` measures, each as rows of a table. Called by the command."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.request import Request, urlopen

from muxi.cli.bench.load import Sockets, Turns, turns
from muxi.cli.bench.process import Server, provider
from muxi.cli.bench.process import server as start
from muxi.server.descriptors import raise_limit

Figures = dict[str, float]

_WARM: Final = 1.0
_FAN_OUT: Final = 1_000
_WORDS_A_SECOND: Final = 10


@dataclass(slots=True, kw_only=True)
class Options:
    """How much is measured."""

    seconds: float = 5.0
    """Of each load."""
    sockets: int = 1_000
    streams: int = 200
    turns: int = 500
    gather: float = 0.0
    told: Callable[[str], None] = lambda text: None


def measure(parts: Sequence[str], options: Options) -> dict[str, Figures]:
    """The figures of some parts, each of a fresh server."""
    raise_limit()
    found: dict[str, Figures] = {}
    for part in parts:
        with provider() as upstream, start(upstream, gather=options.gather) as server:
            found |= _MEASURES[part](server, options)
    return found


def measure_turns(server: Server, options: Options) -> dict[str, Figures]:
    """Chat turns that are stored before they are answered, so many at once."""
    asyncio.run(turns(server, "instant", at_once=8, seconds=_WARM))
    found: dict[str, Figures] = {}
    for at_once in (1, 32, 128):
        options.told(f"turns, {at_once} at once")
        before, started = server.cpu, time.perf_counter()
        load = asyncio.run(turns(server, "instant", at_once=at_once, seconds=options.seconds))
        found[f"{at_once} at once"] = {
            "turns/s": len(load.walls) / (time.perf_counter() - started),
            **_percentiles(load),
            "cpu ms each": (server.cpu - before) / max(1, len(load.walls)) * 1000,
            "rss MiB": server.rss / 1024,
        }
    options.told("turns of 200 words")
    before = server.cpu
    load = asyncio.run(turns(server, "long", at_once=8, seconds=options.seconds))
    found["200 words, 8 at once"] = {
        **_percentiles(load),
        "cpu ms each": (server.cpu - before) / max(1, len(load.walls)) * 1000,
    }
    return found


def measure_soak(server: Server, options: Options) -> dict[str, Figures]:
    """Turns that last: each says a word every tenth of a second."""
    # What is loaded when it is first used is no part of a turn.
    asyncio.run(turns(server, "long", at_once=64, seconds=_WARM))
    options.told(f"{options.turns} turns in flight for 40 s")
    idle = server.rss
    found, most = asyncio.run(_held(server, "slow", options.turns, _WARM))
    return {
        f"{options.turns} in flight": {
            "failed": found.failed,
            "late ms p50": _at(found.delays, 0.5) * 1000,
            "late ms p99": _at(found.delays, 0.99) * 1000,
            "rss KiB each": (most - idle) / options.turns,
        }
    }


def measure_streams(server: Server, options: Options) -> dict[str, Figures]:
    """Streams side by side: how late each word comes."""
    return _streams(server, options, "ten") | _streams(server, options, "fifty")


def _streams(server: Server, options: Options, agent: str) -> dict[str, Figures]:
    options.told(f"{options.streams} streams of agent {agent}")
    before, started = server.cpu, time.perf_counter()
    found, _ = asyncio.run(_held(server, agent, options.streams, _WARM))
    taken = time.perf_counter() - started
    return {
        f"{options.streams} streams, {agent}": {
            "words/s": len(found.delays) / taken,
            "failed": found.failed,
            "late ms p50": _at(found.delays, 0.5) * 1000,
            "late ms p99": _at(found.delays, 0.99) * 1000,
            "cpu share": (server.cpu - before) / taken,
        }
    }


def measure_sockets(server: Server, options: Options) -> dict[str, Figures]:
    """Idle WebSockets, and one event to many of them."""
    return asyncio.run(_sockets(server, options))


_MEASURES: Final = {
    "turns": measure_turns,
    "streams": measure_streams,
    "sockets": measure_sockets,
    "soak": measure_soak,
}


async def _sockets(server: Server, options: Options) -> dict[str, Figures]:
    options.told(f"{options.sockets} idle WebSockets")
    idle = Sockets(server)
    await idle.open(100)
    before, opened = server.rss, server.cpu
    await idle.open(options.sockets)
    await asyncio.sleep(_WARM)
    opening = server.cpu - opened
    each = (server.rss - before) / options.sockets
    resting, started = server.cpu, time.perf_counter()
    await asyncio.sleep(options.seconds)
    rest = (server.cpu - resting) / (time.perf_counter() - started)
    idle.close()
    options.told(f"one event to {_FAN_OUT} WebSockets")
    thread = await asyncio.to_thread(_post, server, "/api/threads", {})
    alone = await _telling(server, thread["id"], 0, options.seconds)
    many = await _telling(server, thread["id"], _FAN_OUT, options.seconds)
    events = options.seconds * _WORDS_A_SECOND
    return {
        f"{options.sockets} idle": {
            "rss KiB each": each,
            "cpu ms to open": opening / options.sockets * 1000,
            "cpu share": rest,
        },
        f"one event to {_FAN_OUT}": {"cpu us each": (many - alone) / events / _FAN_OUT * 1e6},
    }


async def _telling(server: Server, thread_id: str, listeners: int, seconds: float) -> float:
    """Seconds of CPU while an answer is told, ten words a second, to so many who listen."""
    crowd = Sockets(server)
    await crowd.open(listeners, thread_id=thread_id)
    said = {"input": "x", "agent": "slow", "thread_id": thread_id}
    run = await asyncio.to_thread(_post, server, "/api/runs", said)
    await asyncio.sleep(_WARM)
    before = server.cpu
    await asyncio.sleep(seconds)
    taken = server.cpu - before
    await asyncio.to_thread(_post, server, f"/api/runs/{run['id']}/cancel", {})
    crowd.close()
    return taken


async def _held(server: Server, agent: str, count: int, seconds: float) -> tuple[Turns, float]:
    """Turns side by side for a time, and the most memory meanwhile in KiB."""
    most = server.rss

    async def watch() -> None:
        nonlocal most
        while True:
            await asyncio.sleep(0.5)
            most = max(most, server.rss)

    watching = asyncio.create_task(watch())
    found = await turns(server, agent, at_once=count, seconds=seconds)
    watching.cancel()
    return found, most


def _post(server: Server, path: str, body: dict[str, Any]) -> dict[str, Any]:
    request = Request(
        f"http://{server.host}:{server.port}{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {server.token}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310 -- an address that was written here
        return dict(json.load(answer))


def _percentiles(load: Turns) -> Figures:
    return {
        "p50 ms": _at(load.walls, 0.5) * 1000,
        "p99 ms": _at(load.walls, 0.99) * 1000,
        "failed": load.failed,
    }


def _at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
