"""Vectors that many share are indexed where pgvector is, and compared one by one elsewhere."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
from support.postgres import PostgresAddress, PostgresServer

from muxi.storage import passages, shared_vectors, vectors
from muxi.storage.database import Database, Scope, Tx, open_database
from muxi.testing.storage.passages import MODEL, a_passage

ANN = Scope("acme", "ann")
WIDTH = 8


@pytest.fixture
def with_pgvector(postgres: PostgresServer) -> Iterator[PostgresAddress]:
    address = postgres.migrated()
    with psycopg.connect(address.admin_url, autocommit=True) as admin:
        admin.execute("CREATE EXTENSION vector")
    yield address
    postgres.drop(address)


@pytest.fixture
async def database(with_pgvector: PostgresAddress) -> AsyncIterator[Database]:
    database = await open_database(with_pgvector.url, pool=2)
    yield database
    await database.close()


def a_vector(source: random.Random) -> list[float]:
    made = [source.gauss(0, 1) for _ in range(WIDTH)]
    length = sum(value * value for value in made) ** 0.5
    return [value / length for value in made]


def fill(tx: Tx, owner: str, count: int, seed: int) -> dict[int, list[float]]:
    """Passages with vectors; a thread makes the tenant known."""
    source = random.Random(seed)
    rows = [a_passage(f"{owner}{seed}{at}") for at in range(count)]
    made = {number: a_vector(source) for number in passages.add(tx, owner, rows)}
    vectors.put(tx, owner, "memory", MODEL, "turn", made=list(made.items()))
    return made


def nearest(tx: Tx, owner: str, question: list[float]) -> list[tuple[int, float]] | None:
    return vectors.nearest(tx, owner, "memory", MODEL, "turn", question=question, limit=10)


def exact(made: dict[int, list[float]], question: list[float]) -> list[int]:
    cosines = {
        number: sum(a * b for a, b in zip(vector, question, strict=True))
        for number, vector in made.items()
    }
    return sorted(cosines, key=lambda number: -cosines[number])[:10]


async def test_the_vectors_of_a_large_shared_owner_are_indexed_and_kept_in_step(
    database: Database, with_pgvector: PostgresAddress
) -> None:
    made = await database.write(ANN, lambda tx: fill(tx, "tenant", 300, 1))
    await database.write(ANN, lambda tx: fill(tx, "user:ann", 300, 2))
    await database.write(ANN, lambda tx: fill(tx, "agent:a", 20, 3))
    question = a_vector(random.Random(4))
    assert await database.read(ANN, lambda tx: nearest(tx, "tenant", question)) is None
    notes = shared_vectors.prepare(with_pgvector.owner_url, large=200)
    assert notes == [f"300 vectors of tenant ({MODEL}) are indexed."]
    assert shared_vectors.prepare(with_pgvector.owner_url, large=200) == []

    async def found() -> list[int]:
        rows = await database.read(ANN, lambda tx: nearest(tx, "tenant", question))
        assert rows is not None
        return [number for number, _ in rows]

    assert len(set(await found()) & set(exact(made, question))) >= 9
    far = max(made, key=lambda number: -made[number][0] * question[0])
    rows = await database.read(
        ANN,
        lambda tx: vectors.nearest(
            tx, "tenant", "memory", MODEL, "turn", question=question, limit=1, also=[far]
        ),
    )
    assert rows is not None
    assert far in dict(rows)
    made |= await database.write(ANN, lambda tx: fill(tx, "tenant", 50, 5))
    gone = exact(made, question)[:5]
    await database.write(ANN, lambda tx: passages.remove(tx, "tenant", gone))
    made = {number: vector for number, vector in made.items() if number not in gone}
    assert len(set(await found()) & set(exact(made, question))) >= 9
    for owner in ("user:ann", "agent:a"):
        assert await database.read(ANN, lambda tx, o=owner: nearest(tx, o, question)) is None
    for scope in (Scope("other", None), Scope("other", "ann")):
        rows = await database.read(scope, lambda tx: tx.raw("SELECT 1 FROM shared_vectors"))
        assert rows == []


async def test_without_the_right_to_make_the_extension_all_vectors_are_compared(
    postgres_database: PostgresAddress,
) -> None:
    database = await open_database(postgres_database.url, pool=2)
    await database.write(ANN, lambda tx: fill(tx, "tenant", 20, 1))
    (note,) = shared_vectors.prepare(postgres_database.owner_url, large=10)
    assert "one by one" in note
    question = a_vector(random.Random(4))
    assert await database.read(ANN, lambda tx: nearest(tx, "tenant", question)) is None
    await database.close()


async def test_sqlite_compares_all() -> None:
    database = await open_database("sqlite://")
    await database.write(ANN, lambda tx: fill(tx, "tenant", 20, 1))
    assert await database.read(ANN, lambda tx: nearest(tx, "tenant", [1.0] * WIDTH)) is None
    await database.close()
