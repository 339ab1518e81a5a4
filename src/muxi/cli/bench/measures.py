"""Turns, streams and WebSockets: what a server takes for them. Called by `parts`."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import closing
from typing import Final

from muxi.cli.bench.figures import Figures, Found, Options
from muxi.cli.bench.load import Turns, at, turns
from muxi.cli.bench.processes import AGENTS, Server, asked_directly
from muxi.cli.bench.sockets import Sockets
from muxi.cli.bench.talks import MUXI, PROVIDER

_WARM: Final = 1.0
_RUSH: Final = 5.0
"""Seconds over which those come who stay for long."""
_FAN_OUT: Final = 1_000
_WORDS_A_SECOND: Final = 10
_IN_FLIGHT_AT_FIRST: Final = 64
_LEVELS: Final = (32, 128)


def measure_turns(server: Server, upstream: str, options: Options) -> Found:
    """Chat turns that are stored before they are answered, so many at once."""
    warmed = asyncio.run(turns(server, "instant", at_once=8, seconds=min(_WARM, options.seconds)))
    done = len(warmed.walls) - warmed.failed
    direct = asked_directly(upstream, PROVIDER)
    alone = asyncio.run(turns(direct, "instant", at_once=1, seconds=min(_WARM, options.seconds)))
    found: Found = {}
    for at_once in (1, *_LEVELS):
        options.told(f"turns, {at_once} at once")
        load, figures = _loaded(server, "instant", at_once, options.seconds)
        done += len(load.walls) - load.failed
        if at_once == 1:
            added = at(load.firsts, 0.1) - at(alone.firsts, 0.1)
            figures["first word added ms p10"] = added * 1000
        figures["rss MiB"] = server.rss / 1024
        found[f"turns, {at_once} at once"] = figures
    for agent, what in (("burst", "200 words at once"), ("long", "200 words, 2 ms apart")):
        name = f"turns of {what}, 8 side by side"
        options.told(name)
        load, figures = _loaded(server, agent, 8, options.seconds)
        done += len(load.walls) - load.failed
        figures["events each"] = load.events / max(1, len(load.walls))
        found[name] = figures
    if server.talk is MUXI:
        found["all of these turns, in the database"] = _stored(server, done)
    return found


def _loaded(server: Server, agent: str, at_once: int, seconds: float) -> tuple[Turns, Figures]:
    before, started = server.cpu, time.perf_counter()
    load = asyncio.run(turns(server, agent, at_once=at_once, seconds=seconds))
    taken = time.perf_counter() - started
    return load, {
        "turns/s": len(load.walls) / taken,
        "p50 ms": at(load.walls, 0.5) * 1000,
        "p99 ms": at(load.walls, 0.99) * 1000,
        "failed": load.failed,
        "cpu ms each": (server.cpu - before) / max(1, len(load.walls)) * 1000,
    }


def _stored(server: Server, turns: int) -> Figures:
    """How many turns that were answered the database does not hold whole, or the audit log not."""
    whole = (
        "SELECT count(*) FROM runs r WHERE r.status = 'completed' AND "
        "(SELECT count(*) FROM messages m WHERE m.run_id = r.id AND m.tenant = r.tenant) = 2"
    )
    told = "SELECT count(*) FROM audit WHERE action = 'runs.start'"
    with closing(sqlite3.connect(server.database)) as connection:
        counts = [connection.execute(query).fetchone()[0] for query in (whole, told)]
    return {
        "turns": turns,
        "missing": max(0, turns - counts[0]),
        "unaudited": max(0, turns - counts[1]),
    }


def measure_soak(server: Server, upstream: str, options: Options) -> Found:
    """Turns that last: each says a word every few seconds."""
    words, rate = AGENTS["held"]
    # What is loaded when it is first used is no part of a turn.
    asyncio.run(turns(server, "instant", at_once=_IN_FLIGHT_AT_FIRST, seconds=_WARM))
    name = f"{options.turns:,} turns in flight for {words / rate:.0f} s"
    options.told(name)
    idle = server.rss
    found, most = asyncio.run(_held(server, "held", options.turns))
    return {
        name: {
            "failed": found.failed,
            "late ms p50": at(found.delays, 0.5) * 1000,
            "late ms p99": at(found.delays, 0.99) * 1000,
            "rss KiB each": (most - idle) / options.turns,
        }
    }


def measure_streams(server: Server, upstream: str, options: Options) -> Found:
    """Streams side by side: how late each word comes."""
    name = f"{options.streams:,} streams of 10 words a second"
    options.told(name)
    before, started = server.cpu, time.perf_counter()
    found, _ = asyncio.run(_held(server, "ten", options.streams))
    return {name: _streamed(found, server.cpu - before, time.perf_counter() - started)}


def measure_gathered(server: Server, upstream: str, options: Options) -> Found:
    """Streams of many words over WebSockets, of a server that sends them together."""
    name = f"{options.streams:,} streams of 50 words a second, gathered for 50 ms"
    options.told(name)
    before, started = server.cpu, time.perf_counter()

    async def follow() -> Turns:
        sockets = Sockets(server)
        await sockets.open(options.streams)
        found = await sockets.run("fifty", over=_RUSH, patience=_nominal("fifty") + 60)
        sockets.close()
        return found

    found = asyncio.run(follow())
    return {name: _streamed(found, server.cpu - before, time.perf_counter() - started)}


def _streamed(found: Turns, cpu: float, taken: float) -> Figures:
    return {
        "words/s": len(found.delays) / taken,
        "words an event": len(found.delays) / max(1, found.events),
        "failed": found.failed,
        "late ms p50": at(found.delays, 0.5) * 1000,
        "late ms p99": at(found.delays, 0.99) * 1000,
        "cpu share": cpu / taken,
    }


def _nominal(agent: str) -> float:
    """Seconds that an answer takes where nothing is late."""
    words, rate = AGENTS[agent]
    return words / rate


def measure_sockets(server: Server, upstream: str, options: Options) -> Found:
    """WebSockets on which nothing happens."""
    return asyncio.run(_idle(server, options))


async def _idle(server: Server, options: Options) -> Found:
    name = f"{options.sockets:,} idle WebSockets"
    options.told(name)
    idle = Sockets(server)
    await idle.open(100)
    before, opened = server.rss, server.cpu
    await idle.open(options.sockets)
    await asyncio.sleep(_WARM)
    opening = server.cpu - opened
    each = (server.rss - before) / max(1, options.sockets - idle.failed)
    resting, started = server.cpu, time.perf_counter()
    await asyncio.sleep(options.seconds)
    rest = (server.cpu - resting) / (time.perf_counter() - started)
    idle.close()
    return {
        name: {
            "failed": idle.failed,
            "rss KiB each": each,
            "cpu ms to open": opening / options.sockets * 1000,
            "cpu share": rest,
        }
    }


def measure_telling(server: Server, upstream: str, options: Options) -> Found:
    """One event to many WebSockets."""
    name = f"one event to {_FAN_OUT:,} WebSockets"
    options.told(name)
    thread = server.call("/api/threads", {})["id"]
    alone = asyncio.run(_telling(server, thread, 0, options.seconds))
    many = asyncio.run(_telling(server, thread, _FAN_OUT, options.seconds))
    events = options.seconds * _WORDS_A_SECOND
    return {name: {"cpu us each": (many - alone) / events / _FAN_OUT * 1e6}}


async def _telling(server: Server, thread_id: str, listeners: int, seconds: float) -> float:
    """Seconds of CPU while an answer is told, ten words a second, to so many who listen."""
    crowd = Sockets(server)
    await crowd.open(listeners, thread_id=thread_id)
    said = {"input": "x", "agent": "slow", "thread_id": thread_id}
    run = await asyncio.to_thread(server.call, "/api/runs", said)
    await asyncio.sleep(_WARM)
    before = server.cpu
    await asyncio.sleep(seconds)
    taken = server.cpu - before
    await asyncio.to_thread(server.call, f"/api/runs/{run['id']}/cancel", {})
    crowd.close()
    return taken


async def _held(server: Server, agent: str, count: int) -> tuple[Turns, float]:
    """One turn of each of so many callers side by side, and the most memory meanwhile in KiB."""
    most = server.rss

    async def watch() -> None:
        nonlocal most
        while True:
            await asyncio.sleep(0.5)
            most = max(most, server.rss)

    watching = asyncio.create_task(watch())
    # They come one after the other, since a rush of all at once is what `turns` measures; and who
    # is not done after twice as long is not going to be.
    patience = max(60.0, 2 * _nominal(agent))
    found = await turns(
        server, agent, at_once=count, seconds=_RUSH + _WARM, patience=patience, over=_RUSH
    )
    watching.cancel()
    return found, most
