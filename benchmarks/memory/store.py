"""What looking up one user's memories costs in a store of many: words and vectors, CPU and wall.

`python benchmarks/memory/store.py [--memories 100000] [--each 1000] [--url postgresql://…]`. Users
have `each` memories, one has ten times as many. A lookup is what `retrieval` asks of the store:
the best 200 by words, and all vectors of the user, read cold (no cache of matrices) and compared
with the question by numpy. Memories are drawn from words as frequent as those of a language
(Zipf), four turns a window. With `--url`, the wall time is what the database takes besides.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from muxi.storage import passages, vectors
from muxi.storage.database import Database, Scope, Tx, open_database
from muxi.storage.passages import PassageRow

SCOPE = Scope("default", None)
DIMENSIONS = 256
WORDS = 20_000
WINDOW = 45
TEXT = "A turn of some twenty words, which nobody reads here, and which takes its room in the row."


class Words:
    """Draws words, the n-th most frequent with a chance of one over n; the first few are gone, as
    stop words are."""

    def __init__(self, seed: int) -> None:
        chances = 1 / np.arange(4, WORDS + 4)
        self._upto = np.cumsum(chances / chances.sum())
        self._random = np.random.default_rng(seed)

    def some(self, count: int) -> list[str]:
        places = np.searchsorted(self._upto, self._random.random(count))
        return [f"w{place * 7919 % WORDS:x}" for place in places.tolist()]

    def vector(self) -> np.ndarray[Any, Any]:
        made = self._random.standard_normal(DIMENSIONS).astype("<f4")
        return made / np.linalg.norm(made)


def store(tx: Tx, owner: str, first: int, count: int, words: Words) -> float:
    """`count` memories of one user; CPU seconds that the store took for them."""
    rows = [
        PassageRow(
            id=f"mem_{owner}_{first + at}",
            corpus="memory",
            kind="turn",
            group_id=f"{owner}_{(first + at) // 50}",
            place=first + at,
            text=TEXT,
            created_at=first + at,
            hash=f"{first + at:032x}",
        )
        for at in range(count)
    ]
    said = [words.some(WINDOW) for _ in rows]
    made = [words.vector().astype("<f2").tobytes() for _ in rows]
    began = time.process_time()
    numbers = passages.add(tx, owner, rows)
    passages.set_many_words(tx, owner, dict(zip(numbers, said, strict=True)))
    vectors.put(
        tx,
        owner,
        "memory",
        "benchmark",
        "turn",
        made=list(zip(numbers, made, strict=True)),
        dimensions=DIMENSIONS,
    )
    return time.process_time() - began


async def build(database: Database, memories: int, each: int, batch: int, words: Words) -> None:
    """Users in turns of `batch` memories, so that no user's rows lie together by chance."""
    users = [f"user:{number}" for number in range(memories // each)]
    turns = [(user, first) for user in users for first in range(0, each, batch)]
    turns += [("user:large", first) for first in range(0, 10 * each, batch)]
    random.Random(1).shuffle(turns)
    cpu, wall = 0.0, time.perf_counter()
    for owner, first in turns:
        cpu += await database.write(
            SCOPE, lambda tx, o=owner, f=first: store(tx, o, f, batch, words)
        )
    count = len(turns) * batch
    show("build", memories=count, cpu_us_each=cpu / count * 1e6, wall_s=time.perf_counter() - wall)


def words_of(tx: Tx, owner: str, terms: list[str]) -> int:
    return len(passages.match(tx, [owner], "memory", terms))


def vectors_of(tx: Tx, owner: str, question: np.ndarray[Any, Any]) -> int:
    numbers, data = vectors.scan(tx, owner, "memory", "benchmark", "turn")
    matrix = np.frombuffer(data, "<f2").reshape(len(numbers), -1).astype("<f4")
    return int((matrix @ question).argmax())


async def measure(
    database: Database,
    name: str,
    owners: list[str],
    words: Words,
    *,
    terms: int,
    rounds: int = 200,
) -> None:
    """Lookups of users in turn, each after all the others: what is cached is cached by chance."""
    figures: dict[str, list[float]] = {"words": [], "vectors": [], "wall": []}
    for at in range(rounds):
        owner, asked, question = owners[at % len(owners)], words.some(terms), words.vector()

        def look(tx: Tx, o: str = owner, a: Any = asked, q: Any = question) -> tuple[float, ...]:
            start, wall = time.thread_time(), time.perf_counter()
            words_of(tx, o, a)
            middle = time.thread_time()
            vectors_of(tx, o, q)
            return middle - start, time.thread_time() - middle, time.perf_counter() - wall

        for key, value in zip(figures, await database.read(SCOPE, look), strict=True):
            figures[key].append(value * 1000)
    both = [a + b for a, b in zip(figures["words"], figures["vectors"], strict=True)]
    show(
        name,
        terms=terms,
        words_cpu_ms=_middle(figures["words"]),
        vectors_cpu_ms=_middle(figures["vectors"]),
        both_cpu_ms=_middle(both),
        both_cpu_p95=sorted(both)[len(both) * 95 // 100],
        wall_p50_ms=_middle(figures["wall"]),
        wall_p95_ms=sorted(figures["wall"])[rounds * 95 // 100],
    )


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def show(what: str, **figures: float) -> None:
    """One line of JSON."""
    print(json.dumps({"what": what} | {k: round(v, 3) for k, v in figures.items()}), flush=True)


async def forget(database: Database, each: int) -> None:
    """Removing one memory, and the whole of the large user."""

    def one(tx: Tx) -> float:
        found = passages.page(tx, "user:1", corpus="memory", limit=1).items
        began = time.thread_time()
        passages.remove(tx, "user:1", [found[0].number])
        return time.thread_time() - began

    def some(tx: Tx) -> tuple[int, float]:
        found = passages.page(tx, "user:large", corpus="memory", limit=500).items
        began = time.thread_time()
        passages.remove(tx, "user:large", [row.number for row in found])
        return len(found), time.thread_time() - began

    show("forget one of a user's", memories=each, cpu_ms=await database.write(SCOPE, one) * 1000)
    spent, count = 0.0, 0
    while True:
        found, seconds = await database.write(SCOPE, some)
        if not found:
            break
        spent, count = spent + seconds, count + found
    show("forget a user", memories=count, cpu_ms=spent * 1000)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--memories", type=int, default=100_000)
    parser.add_argument("--each", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=100, help="memories stored at once")
    parser.add_argument("--url", help="an empty PostgreSQL database, by its server's role")
    parser.add_argument("--keep", type=Path, help="file of SQLite to build, or to use")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder, "muxi.db")
        built = path.exists()
        database = await open_database(options.url or f"sqlite:///{path}")
        words = Words(7)
        if not built:
            await build(database, options.memories, options.each, options.batch, words)
        users = await database.read(SCOPE, passages.owners)
        users.remove("user:large")
        random.Random(2).shuffle(users)
        show("store", users=len(users), memories=(len(users) + 10) * options.each)
        for terms in (4, 8):
            await measure(database, f"a user of {options.each}", users, words, terms=terms)
            large = ["user:large"]
            name = f"a user of {10 * options.each}"
            await measure(database, name, large, words, terms=terms, rounds=40)
        if not options.keep:
            await forget(database, options.each)
        await database.close()
        if not options.url:
            show("file", megabytes=path.stat().st_size / 1e6)


if __name__ == "__main__":
    asyncio.run(main())
