"""Servers are killed at random moments under load, again and again; nothing that counts is lost."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress

from muxi.client.client import Client
from muxi.storage.database import open_database

from . import invariants
from .customers import Customer, Records, problems
from .node import DEADLINE, HERE, Node, node, script
from .reader import Held, Seen
from .sizes import SEED, Size, sized

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are those of POSIX")

_CUSTOMERS = 8
_PAUSE = "0.008"
"""Seconds between two pieces of an answer, on average: most kills come in the middle of some."""

_IN_GOOD_ORDER = 0.15
"""Share of the ends that are asked for with SIGTERM."""

_WHILE_STARTING = 0.15
"""Share of the kills that come before the server answers."""

Record = Callable[[str, Any], None]


@sized("MUXI_LONG_KILLS", quick=4, long=150)
async def test_nothing_is_lost_when_the_server_of_a_sqlite_project_is_killed(
    size: Size, tmp_path: Path, record_property: Record
) -> None:
    async with _shop(tmp_path, nodes=1) as nodes:
        records = await _live_through(nodes, size.count)
        url = f"sqlite:///{nodes[0].folder}/.muxi/muxi.db"
        await _check(url, nodes, records, record_property)


@sized("MUXI_LONG_KILLS", quick=3, long=150)
async def test_nothing_is_lost_when_one_of_two_servers_on_postgresql_is_killed(
    size: Size, tmp_path: Path, postgres_database: PostgresAddress, record_property: Record
) -> None:
    async with _shop(tmp_path, nodes=2, storage=postgres_database.url) as nodes:
        records = await _live_through(nodes, size.count)
        await _check(postgres_database.url, nodes, records, record_property)


@asynccontextmanager
async def _shop(
    folder: Path, *, nodes: int, storage: str | None = None
) -> AsyncGenerator[list[Node]]:
    """Servers of one project, and the provider of their model."""
    async with AsyncExitStack() as stack:
        moody = script(HERE / "moody_provider.py", str(SEED), _PAUSE)
        provider = await stack.enter_async_context(moody)
        yield [
            await stack.enter_async_context(node(folder / f"node{n}", provider, storage=storage))
            for n in range(nodes)
        ]


async def _live_through(nodes: Sequence[Node], deaths: int) -> Records:
    """Let customers talk while servers die; returns when every conversation has ended."""
    over = asyncio.Event()
    records = Records()
    async with asyncio.TaskGroup() as customers:
        for number in range(_CUSTOMERS):
            chance = random.Random(f"{SEED} customer {number}")
            customer = Customer(f"customer {number}", nodes, records, chance, over)
            customers.create_task(customer.live())
        chance = random.Random(f"{SEED} deaths")
        for _ in range(deaths):
            await asyncio.sleep(chance.uniform(0.2, 2.5))
            await _die(chance.choice(nodes), chance)
        await asyncio.sleep(1)
        over.set()
    return records


async def _die(node: Node, chance: random.Random) -> None:
    """End a server and start it again, which may need more than one start."""
    if chance.random() < _IN_GOOD_ORDER:
        assert await node.stop() == 0, node.log[-2000:]
    else:
        await node.kill()
    await node.start()
    while chance.random() < _WHILE_STARTING:
        await asyncio.sleep(chance.uniform(0, 1.5))
        await node.kill()
        await node.start()
    await node.answers()


async def _check(
    url: str, nodes: Sequence[Node], records: Records, record_property: Record
) -> None:
    late = await _read_late(nodes[0].client(), records)
    for each in nodes:
        await each.stop()
    database = await open_database(url)
    try:
        stored = await invariants.stored(database)
    finally:
        await database.close()
    files = [each.folder / "effects.jsonl" for each in nodes]
    steps = [step for found in stored.steps.values() for step in found]
    for name, figure in {
        "deaths": sum(each.starts for each in nodes) - len(nodes),
        "runs": len(stored.runs),
        "ends": dict(Counter(run.status for run in stored.runs.values())),
        "problems": problems(records),
        "attempts": sum(run.attempt for run in stored.runs.values()),
        "attempts that died": sum(run.crashes for run in stored.runs.values()),
        "tool calls": sum(step.kind == "tool" for step in steps),
        "questions": len(records.asked),
        "acknowledged messages": sum(map(len, records.said.values())),
        "events shown": records.seen.shown,
        "requests refused": records.refused,
    }.items():
        record_property(name, figure)
    faults = [
        *invariants.acknowledged_messages_are_there(stored, records),
        *invariants.runs_have_ended_or_wait(stored),
        *invariants.numbers_are_given_once(stored, records),
        *invariants.what_was_seen_is_stored(stored, records),
        *invariants.readers_hold_the_thread(stored, records.held.values(), run=True),
        *invariants.readers_hold_the_thread(stored, records.watched, run=False),
        *invariants.readers_hold_the_thread(stored, late, run=False),
        *invariants.threads_are_whole(stored),
        *invariants.effects_happened_as_recorded(stored, records, files),
    ]
    assert not faults, "\n".join(faults[:20])
    assert set(problems(records)) <= {"model_connection_error", invariants.DIED_TOO_OFTEN}
    for each in nodes:
        assert "Traceback" not in each.log, each.log[-5000:]


async def _read_late(client: Client, records: Records) -> list[Held]:
    """Readers who come when all is over, and want each thread from its beginning."""
    readers: list[Held] = []
    for thread in records.said:
        reader = Held(thread, Seen())
        watcher = next(held for held in records.watched if held.thread_id == thread)
        events = client.thread_events(thread)
        async with asyncio.timeout(DEADLINE):
            while reader.last < watcher.last:
                reader.take(await anext(events))
        await events.aclose()
        assert not reader.seen.faults, reader.seen.faults
        readers.append(reader)
    return readers
