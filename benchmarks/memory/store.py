"""What one user's memories cost to recall in a store of many: the store's part, and all of it.

`python benchmarks/memory/store.py [--memories 100000] [--each 1000] [--url postgresql://…]`. Users
have `each` memories, one has ten times as many. A lookup is what `retrieval` asks of the store:
the best 200 by words, and all vectors of the user, read cold (no cache of matrices) and compared
with the question by numpy. A recall is what a turn asks for, from the question's text to the ten
memories, but for embedding the question: vectors of turns and of windows, for the first time (cold)
and again. Memories are drawn from words as frequent as those of a language (Zipf), four turns a
window. With `--url`, the wall time is what the database takes besides.

`--copies 100` builds a hundredth, and has the database copy each user a hundred times: to fill a
large one in minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import psycopg

from muxi.memory.finding import Finder
from muxi.retrieval.matrices import Matrix
from muxi.retrieval.search import Searcher
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
    made = [words.vector() for _ in rows]
    began = time.process_time()
    numbers = passages.add(tx, owner, rows)
    passages.set_many_words(tx, owner, dict(zip(numbers, said, strict=True)))
    for kind in ("turn", "window"):
        vectors.put(
            tx,
            owner,
            "memory",
            "benchmark",
            kind,
            made=list(zip(numbers, made, strict=True)),
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


_NUMBERS = 10_000_000
_COPY = (
    """INSERT INTO passages (number, tenant, id, owner, corpus, kind, group_id, place, speaker,
    said_at, created_at, hash, information, uses, used_at, size, text, record, words)
    OVERRIDING SYSTEM VALUE SELECT number + %(by)s, tenant, id || %(name)s, owner || %(name)s,
    corpus, kind, group_id || %(name)s, place, speaker, said_at, created_at, hash, information,
    uses, used_at, size, text, record, words FROM passages
    WHERE number < %(upto)s AND owner <> 'user:large'""",
    """INSERT INTO postings SELECT tenant, owner || %(name)s, corpus, word, base + %(by)s, data
    FROM postings WHERE base < %(upto)s AND owner <> 'user:large'""",
    """INSERT INTO vectors SELECT tenant, owner || %(name)s, corpus, model, kind, base + %(by)s,
    dimensions, numbers, data FROM vectors WHERE base < %(upto)s AND owner <> 'user:large'""",
    """INSERT INTO embedded SELECT number + %(by)s, model, kind, tenant, owner || %(name)s, corpus
    FROM embedded WHERE number < %(upto)s AND owner <> 'user:large'""",
)


def copy(target: str | Path, copies: int) -> None:
    """Have the database copy all users but the large one: a file of SQLite, or a PostgreSQL as its
    superuser."""
    began = time.perf_counter()
    sets = [{"by": at * _NUMBERS, "name": f"-{at}", "upto": _NUMBERS} for at in range(1, copies)]
    if isinstance(target, Path):
        with closing(sqlite3.connect(target, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=off")
            for statement in _COPY:
                plain = statement.replace("OVERRIDING SYSTEM VALUE", "")
                plain = re.sub(r"%\((\w+)\)s", r":\1", plain)
                connection.execute("BEGIN")
                for values in sets:
                    connection.execute(plain, values)
                connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    else:
        with psycopg.connect(target, autocommit=True) as connection:
            for values in sets:
                for statement in _COPY:
                    connection.execute(statement, values)
            connection.execute("VACUUM ANALYZE")
    show("copies", copies=copies, wall_s=time.perf_counter() - began)


def words_of(tx: Tx, owner: str, terms: list[str]) -> int:
    return len(passages.match(tx, [owner], "memory", terms))


def vectors_of(tx: Tx, owner: str, question: np.ndarray[Any, Any]) -> int:
    found = Matrix(vectors.scan(tx, owner, "memory", "benchmark", "turn"), 0.0).similar(question)
    assert found is not None
    return int(found.cosines.argmax())


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


class Given:
    """Has the vector of a question at hand: embedding it is not what is measured."""

    name = "benchmark"
    dimensions = DIMENSIONS

    def __init__(self, words: Words) -> None:
        self._words = words

    async def embed(self, texts: Sequence[str]) -> np.ndarray[Any, Any]:
        return np.stack([self._words.vector() for _ in texts])

    async def close(self) -> None:
        """It has nothing."""


async def recall(
    database: Database, name: str, owners: list[str], words: Words, *, rounds: int = 100
) -> None:
    """Whole recalls, of each user twice: with nothing of theirs in memory, and again."""
    searcher = Searcher(database, Given(words))
    finder = Finder(database=database, searcher=searcher)
    cpu: dict[str, list[float]] = {"cold": [], "again": []}
    wall: dict[str, list[float]] = {"cold": [], "again": []}
    for at in range(rounds):
        owner = owners[at % len(owners)]
        who = Scope("default", owner.removeprefix("user:"))
        for temperature in ("cold", "again"):
            if temperature == "cold":
                finder.forgot(who.tenant, owner)
            asked = f"What was that about {' '.join(words.some(5))}?"
            start, began = time.process_time(), time.perf_counter()
            found = await finder.find(who, [owner], asked)
            cpu[temperature].append((time.process_time() - start) * 1000)
            wall[temperature].append((time.perf_counter() - began) * 1000)
            assert len(found.items) == 10
    figures = {
        f"{temperature}_{kind}_{label}": sorted(values)[len(values) * part // 100]
        for kind, of in (("cpu", cpu), ("wall", wall))
        for temperature, values in of.items()
        for label, part in (("p50", 50), ("p95", 95))
    }
    show(f"recall for {name}", **figures)


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
    parser.add_argument("--copies", type=int, default=1, help="of each user")
    parser.add_argument("--admin-url", help="the same database, by its superuser, for copies")
    parser.add_argument("--url", help="an empty PostgreSQL database, by its server's role")
    parser.add_argument("--keep", type=Path, help="file of SQLite to build, or to use")
    parser.add_argument("--built", action="store_true", help="the PostgreSQL of an earlier run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = options.keep or Path(folder, "muxi.db")
        built = options.built or path.exists()
        database = await open_database(options.url or f"sqlite:///{path}")
        words = Words(7)
        if not built:
            count = options.memories // options.copies
            await build(database, count, options.each, options.batch, words)
            if options.copies > 1:
                await asyncio.to_thread(copy, options.admin_url or path, options.copies)
        users = await database.read(SCOPE, passages.owners)
        large = [user for user in users if user == "user:large"]
        users = [user for user in users if user not in large]
        random.Random(2).shuffle(users)
        show("store", users=len(users), memories=(len(users) + 10 * len(large)) * options.each)
        one, ten = f"a user of {options.each}", f"a user of {10 * options.each}"
        for terms in (4, 8):
            await measure(database, one, users, words, terms=terms)
            if large:
                await measure(database, ten, large, words, terms=terms, rounds=40)
        await recall(database, one, users, words)
        if large:
            await recall(database, ten, large, words, rounds=40)
        if not (built or options.keep):
            await forget(database, options.each)
        await database.close()
        if not options.url:
            show("file", megabytes=path.stat().st_size / 1e6)


if __name__ == "__main__":
    asyncio.run(main())
