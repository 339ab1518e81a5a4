"""What the index of neighbours is worth for an owner whose memories many share: PostgreSQL only.

`python benchmarks/memory/shared.py --url postgresql://… --owner-url postgresql://…`

The database is empty but for the schema, and has pgvector. Vectors lie in clusters, as those of
texts do: of vectors without any order, no index finds the nearest. Asked are questions beside some
of them; told are the time that the index took, what a question takes with it and by comparing all,
and how many of the nearest ten the index finds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from functools import partial
from typing import Any

import numpy as np

from muxi.retrieval.matrices import Matrix
from muxi.storage import passages, shared_vectors, vectors
from muxi.storage.database import Database, Scope, Tx, open_database
from muxi.storage.passages import PassageRow

WHO = Scope("default", None)
OWNER, MODEL = "tenant", "benchmark"
DIMENSIONS = 256
CLUSTERS = 2_000
BATCH = 1_000
ROUNDS = 100


class Source:
    """Draws unit vectors around centres."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._centres = self._random.standard_normal((CLUSTERS, DIMENSIONS))

    def some(self, count: int) -> np.ndarray[Any, Any]:
        chosen = self._centres[self._random.integers(0, CLUSTERS, count)]
        made = chosen + 0.7 * self._random.standard_normal((count, DIMENSIONS))
        return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def store(tx: Tx, first: int, made: np.ndarray[Any, Any]) -> None:
    rows = [
        PassageRow(
            id=f"mem_shared_{first + at}",
            corpus="memory",
            kind="turn",
            group_id=f"thr_{(first + at) // 50}",
            place=at,
            text="What many may know",
            created_at=first + at,
        )
        for at in range(len(made))
    ]
    pairs = list(zip(passages.add(tx, OWNER, rows), made, strict=True))
    vectors.put(tx, OWNER, "memory", MODEL, "turn", made=pairs)


def by_index(tx: Tx, question: list[float]) -> list[int]:
    near = vectors.nearest(
        tx, OWNER, "memory", MODEL, "turn", question=question, limit=shared_vectors.MOST
    )
    assert near is not None
    return [number for number, _ in near[:10]]


def by_comparing(tx: Tx, question: np.ndarray[Any, Any]) -> list[int]:
    found = Matrix(vectors.scan(tx, OWNER, "memory", MODEL, "turn"), 0.0).similar(question)
    assert found is not None
    return found.numbers[np.argsort(found.cosines)[::-1][:10]].tolist()


async def timed(database: Database, ask: Any, values: list[float]) -> list[int]:
    began = time.perf_counter()
    found = await database.read(WHO, ask)
    values.append((time.perf_counter() - began) * 1000)
    return found


async def build(database: Database, source: Source, options: argparse.Namespace) -> None:
    began = time.perf_counter()
    for first in range(0, options.memories, BATCH):
        await database.write(WHO, partial(store, first=first, made=source.some(BATCH)))
    show("build", memories=options.memories, wall_s=time.perf_counter() - began)
    began = time.perf_counter()
    notes = await asyncio.to_thread(shared_vectors.prepare, options.owner_url)
    show("index", indexes=len(notes), wall_s=time.perf_counter() - began)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="an empty database, by its server's role")
    parser.add_argument("--owner-url", required=True, help="the same by the owner of its tables")
    parser.add_argument("--memories", type=int, default=200_000)
    parser.add_argument("--built", action="store_true", help="use what an earlier run left")
    options = parser.parse_args()
    source = Source(7)
    database = await open_database(options.url)
    if not options.built:
        await build(database, source, options)
    indexed: list[float] = []
    compared: list[float] = []
    right = 0
    for at in range(ROUNDS):
        (question,) = source.some(1)
        found = await timed(database, partial(by_index, question=question.tolist()), indexed)
        if at % 10 == 0:
            exact = await timed(database, partial(by_comparing, question=question), compared)
            right += len(set(found) & set(exact))
    show(
        "ask",
        index_p50_ms=sorted(indexed)[ROUNDS // 2],
        index_p95_ms=sorted(indexed)[ROUNDS * 95 // 100],
        comparing_p50_ms=sorted(compared)[len(compared) // 2],
        found_of_nearest_ten=right / len(compared) / 10,
    )
    await database.close()


def show(what: str, **figures: float) -> None:
    """One line of JSON."""
    print(json.dumps({"what": what} | {k: round(v, 3) for k, v in figures.items()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
