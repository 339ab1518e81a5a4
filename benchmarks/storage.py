"""What storing a chat turn costs: CPU, rate and latency, beside raw sqlite3 in the same run.

`python benchmarks/storage.py [--turns 4000] [--url postgresql://…]`. A turn is two awaited commits:
the user's message with its run, leases and numbers; then the answer with its events, usage and
status. The journal is the one that the server uses. CPU is that of the whole process, the event
loop and the encoding of all nouns included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sqlite3
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from muxi.core.events import (
    Event,
    MessageCompleted,
    MessageStarted,
    RunCompleted,
    RunStarted,
    TextDelta,
)
from muxi.core.messages import Message, TextPart, user_message
from muxi.core.threads import Run, Thread
from muxi.core.usage import Usage
from muxi.storage import leases, messages, runs, sequences, threads
from muxi.storage.buffer import ThreadBuffer
from muxi.storage.database import Database, Scope, Tx, open_database
from muxi.storage.journal import StoredJournal
from muxi.storage.sqlite import SqliteSettings

SCOPE = Scope("default", "local")
DELTAS = 20
ANSWER = "A word and another one. "


@dataclass
class Figures:
    """What one measurement gave."""

    name: str
    turns: int
    seconds: float
    cpu: float
    latencies: list[float]

    def show(self) -> None:
        ordered = sorted(self.latencies) or [0.0]
        print(
            json.dumps(
                {
                    "what": self.name,
                    "turns/s": round(self.turns / self.seconds),
                    "cpu ms/turn": round(self.cpu / self.turns * 1000, 3),
                    "p50 ms": round(ordered[len(ordered) // 2] * 1000, 2),
                    "p99 ms": round(ordered[len(ordered) * 99 // 100] * 1000, 2),
                }
            )
        )


async def turn(database: Database, thread_id: str) -> None:
    """One stored chat turn."""
    question = user_message("What is the answer?")
    question.thread_id = thread_id
    run = Run(thread_id=thread_id, agent="assistant", input_id=question.id, status="running")
    question.run_id = run.id

    def begin(tx: Tx) -> tuple[leases.Lease, leases.Lease, range]:
        messages.insert(tx, question)
        runs.create(tx, run)
        return (
            leases.acquire(tx, "run", run.id, "benchmark"),
            leases.acquire(tx, "thread", thread_id, "benchmark"),
            sequences.reserve(tx, thread_id, 256),
        )

    lease, stream, numbers = await database.write(SCOPE, begin, tiny=True)
    buffer = ThreadBuffer(database, SCOPE, stream)
    journal = StoredJournal(database, SCOPE, run, lease, buffer=buffer, fresh=True)
    seq = iter(numbers)

    def emit(event: Event) -> None:
        event.run_id = run.id
        event.seq = next(seq)
        journal.record(None, event)  # type: ignore[arg-type] -- no lease is looked at

    emit(RunStarted(thread_id=thread_id, agent="assistant"))
    answer = Message(role="assistant", parts=[TextPart(text=ANSWER * DELTAS)], author="assistant")
    emit(MessageStarted(message_id=answer.id))
    for _ in range(DELTAS):
        emit(TextDelta(text=ANSWER))
    journal.append(None, answer)  # type: ignore[arg-type] -- no lease is looked at
    emit(MessageCompleted(message=answer))
    used = Usage(requests=1, input_tokens=100, output_tokens=80)
    emit(RunCompleted(status="completed", usage=used, text=ANSWER * DELTAS))
    run.status = "completed"
    run.usage = used
    await journal.end(run, used=used, model="scripted/model")


async def measure(name: str, database: Database, turns: int, at_once: int) -> Figures:
    """`turns` turns, so many at once, each worker in its own thread."""
    latencies: list[float] = []

    async def worker(count: int) -> None:
        thread = await database.write(SCOPE, lambda tx: threads.create(tx, Thread()))
        for _ in range(count):
            began = time.perf_counter()
            await turn(database, thread.id)
            latencies.append(time.perf_counter() - began)

    each = max(1, turns // at_once)
    cpu, wall = time.process_time(), time.perf_counter()
    await asyncio.gather(*(worker(each) for _ in range(at_once)))
    return Figures(
        name,
        each * at_once,
        time.perf_counter() - wall,
        time.process_time() - cpu,
        latencies,
    )


def raw(folder: Path, turns: int) -> Figures:
    """The least that SQLite could cost: nine rows in two transactions a turn, nothing around."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("CREATE TABLE t (id TEXT PRIMARY KEY, record TEXT)")
    cpu, wall = time.process_time(), time.perf_counter()
    for number in range(turns):
        for part, rows in enumerate((4, 5)):
            connection.execute("BEGIN IMMEDIATE")
            for row in range(rows):
                connection.execute(
                    "INSERT INTO t VALUES (?, ?)", (f"{number}-{part}-{row}", "x" * 300)
                )
            connection.execute("COMMIT")
    figures = Figures(
        "raw sqlite3, 9 rows, 2 commits, normal",
        turns,
        time.perf_counter() - wall,
        time.process_time() - cpu,
        [],
    )
    connection.close()
    return figures


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=4000)
    parser.add_argument("--url", help="another database, by its server's role")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.url:
            database = await open_database(options.url)
            for at_once in (1, 32, 128):
                (await measure(f"url, {at_once} at once", database, options.turns, at_once)).show()
            await database.close()
            return
        raw(folder, options.turns).show()
        for synchronous in ("full", "normal"):
            settings = SqliteSettings(synchronous=synchronous)  # type: ignore[arg-type] -- one of its three words
            for at_once in (1, 32, 128):
                path = folder / f"{synchronous}-{at_once}.db"
                database = await open_database(f"sqlite:///{path}", sqlite=settings)
                count = options.turns // 4 if at_once == 1 else options.turns
                label = f"sqlite {synchronous}, {at_once} at once"
                (await measure(label, database, count, at_once)).show()
                await database.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak MiB": round(peak), "sqlalchemy imported": "sqlalchemy" in sys.modules}))


if __name__ == "__main__":
    asyncio.run(main())
