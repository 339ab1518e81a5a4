"""What a turn costs in a long thread, and what is left of its beginning.

    python benchmarks/memory/long_thread.py [--turns 100 1000 10000] [--strategies summary …]

Turns are written as the server writes them, each followed by the compaction that it gives cause
for. Then: CPU of what history gives to a turn, with the thread in memory and after a restart; CPU
of compaction for each turn; bytes stored for each turn, summaries apart; and how many facts of the
thread's first nine tenths a turn is still told.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from muxi.config.memory_settings import CompactionSettings
from muxi.core.alone import OpenLedger
from muxi.core.context import RunContext
from muxi.core.messages import Message, TextPart, user_message
from muxi.core.ports import ContextBlock, ContextQuery
from muxi.core.threads import Thread
from muxi.memory.compaction import Compactor, Job
from muxi.memory.history import History, HistoryCache
from muxi.models.tokens import TokenEstimate
from muxi.storage import messages as stored
from muxi.storage import threads
from muxi.storage.database import Database, Scope, Tx, open_database

WHO = Scope("default", "local")
BUDGET = 24_000
"""Tokens for earlier messages: a model of 32,000 that keeps a quarter for its answer."""
FACT_EVERY = 25
"""Turns between two facts that are asked for in the end."""
ROUNDS = 20

TALK = """
I was thinking about the garden again and whether the roses need more water this week.
Could you tell me how people usually go about that when it has been so warm?
The neighbours said something similar yesterday, but nobody really knows.
Anyway, it was a long day and the train was late once more, as it is so often.
Maybe we should talk about dinner instead, something light with vegetables.
My colleague keeps asking for the report, which is not finished yet.
""".strip().splitlines()
ANSWER = (
    "That is a fair question, and there is no single answer to it. Most people begin with what "
    "they have at hand, look at how it goes for a few days, and change one thing at a time. If it "
    "helps, I can put together a short list of steps that you could follow this week."
)
CITIES = ["Oslo", "Porto", "Kyoto", "Quito", "Tallinn", "Dakar", "Perth", "Lyon"]


class Talk:
    """One thread, written and read as the server does."""

    def __init__(self, database: Database, settings: CompactionSettings) -> None:
        self.database, self.settings = database, settings
        self.thread = Thread()
        self.leaf: str | None = None
        self.facts: dict[int, str] = {}
        self.count = TokenEstimate().count
        self.compacting = 0.0
        self.compactions = 0
        self.random = random.Random(7)
        self.restart()

    def restart(self) -> None:
        self.cache = HistoryCache(self.database)
        self.compactor = Compactor(database=self.database, cache=self.cache, ledger=OpenLedger())

    async def gather(self) -> tuple[History, ContextBlock]:
        asked = user_message("And what do you say to that?")
        asked.parent_id = self.leaf
        history = History(WHO, self.cache, self.settings)
        query = ContextQuery(input=[asked], budget=BUDGET, count=self.count)
        ctx = RunContext(deps=None, thread_id=self.thread.id)
        return history, await history.gather(ctx, query)

    async def turn(self, number: int) -> None:
        history, _ = await self.gather()
        text = " ".join(self.random.sample(TALK, 2))
        if number % FACT_EVERY == 0:
            city, price = self.random.choice(CITIES), self.random.randrange(100, 9_999)
            self.facts[number] = f"order {number} for {city} costs {price} euros"
            text = f"{text} By the way, {self.facts[number]}."
        said = [user_message(text), Message(role="assistant", parts=[TextPart(text=ANSWER)])]
        await self.database.write(WHO, partial(self._store, said=said))
        self.cache.extend(WHO, said[0].parent_id, said)
        if history.room is None or not history.is_crowded(said):
            return
        job = Job(
            who=WHO,
            thread_id=self.thread.id,
            leaf_id=said[-1].id,
            room=history.room,
            settings=self.settings,
        )
        began = time.process_time()
        self.compactions += bool(await self.compactor.compact(job))
        self.compacting += time.process_time() - began

    def _store(self, tx: Tx, said: list[Message]) -> None:
        for message in said:
            message.thread_id, message.parent_id = self.thread.id, self.leaf
            self.leaf = stored.insert(tx, message).id


async def cpu(act: Callable[[], Awaitable[object]]) -> float:
    """The least CPU time of several rounds, in milliseconds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time()
        await act()
        best = min(best, time.process_time() - began)
    return best * 1_000


async def measure(strategy: Any, marks: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = await open_database(f"sqlite:///{Path(folder)}/muxi.db")
        talk = Talk(database, CompactionSettings(strategy=strategy))
        await database.write(WHO, partial(threads.create, thread=talk.thread))
        for number in range(max(marks)):
            await talk.turn(number)
            if number + 1 in marks:
                await report(talk, strategy, number + 1)
        await database.close()


async def report(talk: Talk, strategy: str, turns: int) -> None:
    warm = await cpu(talk.gather)
    kept = talk.cache, talk.compactor

    async def cold() -> None:
        talk.restart()
        await talk.gather()

    after_restart = await cpu(cold)
    _, block = await talk.gather()
    talk.cache, talk.compactor = kept
    given = "\n".join(message.text for message in block.messages)
    old = [fact for number, fact in talk.facts.items() if number < turns * 0.9]
    sizes = await talk.database.read(WHO, _sizes)
    print(
        json.dumps(
            {
                "strategy": strategy,
                "turns": turns,
                "gather_ms": round(warm, 3),
                "gather_after_restart_ms": round(after_restart, 2),
                "compactions": talk.compactions,
                "compaction_ms_per_turn": round(talk.compacting * 1_000 / turns, 3),
                "messages_given": len(block.messages),
                "tokens_given": sum(map(talk.count, block.messages)),
                "message_bytes_per_turn": round(sizes[0] / turns),
                "summary_bytes_per_turn": round(sizes[1] / turns),
                "old_facts_told": f"{sum(fact in given for fact in old)}/{len(old)}",
            }
        ),
        flush=True,
    )


def _sizes(tx: Tx) -> tuple[int, int]:
    [(messages,)] = tx.raw("SELECT SUM(LENGTH(record)) FROM messages")
    [(summaries,)] = tx.raw("SELECT SUM(LENGTH(record) + LENGTH(text)) FROM summaries")
    return messages or 0, summaries or 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--strategies", nargs="+", default=["window", "summary", "hierarchical"])
    arguments = parser.parse_args()
    for strategy in arguments.strategies:
        asyncio.run(measure(strategy, arguments.turns))


if __name__ == "__main__":
    main()
