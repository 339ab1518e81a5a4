"""Many owners with near-identical memories, thousands of random operations: never a foreign row."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress

from muxi.core.errors import AccessDenied, NotFound
from muxi.storage import passages, vectors
from muxi.storage.database import Database, Scope, Tx, open_database
from muxi.testing.storage.passages import a_passage, a_vector, expected_scores, vectors_of

TENANTS = ("acme", "Acme", "acme2")
USERS = ("ann", "Ann", "ann ", "ann%", "an_", "user:ann", "ann:1", "änn", "%")
SHARED = ("tenant", "agent:ann", "team:ann")
WORDS = ("lives", "in", "oslo", "paris", "moved", "ann")
MODEL = "static/2"
OWNED = ("postings", "vectors", "embedded", "passages")


@dataclass
class Book:
    """What one owner must have, kept beside the database."""

    tenant: str
    owner: str
    rows: dict[int, str] = field(default_factory=dict)
    words: dict[int, list[str]] = field(default_factory=dict)
    vectors: dict[int, tuple[float, ...]] = field(default_factory=dict)

    @property
    def scopes(self) -> list[Scope]:
        kind, _, name = self.owner.partition(":")
        others = [] if kind == "user" else [Scope(self.tenant, "ann")]
        return [Scope(self.tenant, None), *([Scope(self.tenant, name)] if name else []), *others]


class World:
    """All owners of all tenants, and what is done to them."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database = database
        self.source = random.Random(seed)
        self.books = [
            Book(tenant, owner)
            for tenant in TENANTS
            for owner in (*(f"user:{name}" for name in USERS), *SHARED)
        ]
        self.made = 0

    def number_of_anybody(self) -> int:
        book = self.source.choice(self.books)
        return self.source.choice(list(book.rows) or [0])

    async def act(self) -> None:
        book = self.source.choice(self.books)
        scope = self.source.choice(book.scopes)
        acts = [self.add, self.add, self.say, self.embed, self.remove]
        looks = [self.match, self.scan, self.get, self.page, self.trespass]
        chosen = [self.source.choice(acts), *self.source.sample(looks, 2)]
        await self.database.write(scope, lambda tx: [do(tx, book) for do in chosen])

    def add(self, tx: Tx, book: Book) -> None:
        ids = [f"mem_{self.made + at}" for at in range(self.source.randrange(1, 6))]
        self.made += len(ids)
        rows = [a_passage(each, "ann lives in oslo", hash="same") for each in ids]
        numbers = passages.add(tx, book.owner, rows)
        book.rows |= dict(zip(numbers, ids, strict=True))
        self.say(tx, book)

    def say(self, tx: Tx, book: Book) -> None:
        own = self.source.sample(list(book.rows), min(len(book.rows), 4))
        said = {number: self.source.choices(WORDS, k=self.source.randrange(6)) for number in own}
        foreign = {self.number_of_anybody(): ["foreign"]}
        passages.set_many_words(tx, book.owner, {**without(foreign, book), **said})
        book.words |= said

    def embed(self, tx: Tx, book: Book) -> None:
        own = self.source.sample(list(book.rows), min(len(book.rows), 4))
        made = [(number, a_vector(number)) for number in own]
        foreign = [(n, a_vector(0)) for n in without({self.number_of_anybody(): 0}, book)]
        vectors.put(tx, book.owner, "memory", MODEL, "turn", made=[*made, *foreign])
        book.vectors |= dict(made)

    def remove(self, tx: Tx, book: Book) -> None:
        gone = self.source.sample(list(book.rows), min(len(book.rows), self.source.randrange(3)))
        foreign = list(without({self.number_of_anybody(): 0}, book))
        assert passages.remove(tx, book.owner, [*gone, *foreign]) == len(gone)
        for number in gone:
            del book.rows[number]
            book.words.pop(number, None)
            book.vectors.pop(number, None)

    def match(self, tx: Tx, book: Book) -> None:
        books = [book, *(b for b in self.books if b.tenant == book.tenant and b.owner in SHARED)]
        some = books[: self.source.randrange(1, len(books) + 1)]
        terms = [*self.source.sample(WORDS, 2), "foreign"]
        found = passages.match(tx, [each.owner for each in some], "memory", terms, limit=10_000)
        said = {number: words for each in some for number, words in each.words.items()}
        assert dict(found) == pytest.approx(dict(expected_scores(said, terms)))

    def scan(self, tx: Tx, book: Book) -> None:
        found = vectors_of(tx, book.owner)
        assert found == book.vectors

    def get(self, tx: Tx, book: Book) -> None:
        asked = [self.number_of_anybody() for _ in range(5)]
        rows = passages.by_numbers(tx, [book.owner], asked)
        assert {row.number for row in rows} == set(asked) & set(book.rows)
        assert {row.owner for row in rows} <= {book.owner}
        ids = [f"mem_{self.source.randrange(self.made + 1)}" for _ in range(5)]
        found = passages.get(tx, [book.owner], ids)
        assert {row.id for row in found} == set(ids) & set(book.rows.values())
        passages.mark_used(tx, [book.owner], asked, 1)

    def page(self, tx: Tx, book: Book) -> None:
        rows = passages.page(tx, book.owner, corpus="memory", limit=10_000).items
        assert {row.number: row.id for row in rows} == book.rows
        assert passages.count(tx, book.owner, "memory")[0] == len(book.rows)
        same = passages.same_hash(tx, book.owner, "same")
        assert {row.number for row in same} == set(book.rows)

    def trespass(self, tx: Tx, book: Book) -> None:
        principal = tx.scope.principal
        others = [each for each in self.books if each.owner.startswith("user:")]
        other = self.source.choice(others)
        if principal is None or other.owner == f"user:{principal}":
            return
        with pytest.raises(AccessDenied):
            passages.match(tx, [book.owner, other.owner], "memory", list(WORDS))
        with pytest.raises((AccessDenied, NotFound)):
            passages.set_words(tx, other.owner, self.number_of_anybody(), ["foreign"])

    async def check_all(self) -> None:
        for book in self.books:
            for scope in book.scopes:
                for look in (self.scan, self.page, self.match):
                    await self.database.read(scope, lambda tx, see=look, b=book: see(tx, b))


def without(changes: dict[int, Any], book: Book) -> dict[int, Any]:
    """The changes, save for the book's own passages."""
    return {number: change for number, change in changes.items() if number not in book.rows}


@pytest.mark.parametrize("acts", [700, pytest.param(6000, marks=pytest.mark.ci)])
async def test_sqlite_never_gives_a_foreign_row(tmp_path: Path, acts: int) -> None:
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
    world = World(database, acts)
    for _ in range(acts):
        await world.act()
    await world.check_all()
    await database.close()


@pytest.mark.parametrize("acts", [250, pytest.param(3000, marks=pytest.mark.ci)])
async def test_postgres_never_gives_a_foreign_row_even_without_a_where_clause(
    postgres_database: PostgresAddress, acts: int
) -> None:
    database = await open_database(postgres_database.url, pool=2)
    world = World(database, acts)
    for _ in range(acts):
        await world.act()
    await world.check_all()

    def everything(tx: Tx) -> set[tuple[str, str]]:
        return {
            (tenant, owner)
            for table in OWNED
            for tenant, owner in tx.raw(f"SELECT tenant, owner FROM {table}")
        }

    for tenant in TENANTS:
        for name in (*USERS, "nobody", None):
            seen = await database.read(Scope(tenant, name), everything)
            allowed = {(tenant, owner) for owner in SHARED}
            users = USERS if name is None else [name]
            assert seen <= allowed | {(tenant, f"user:{user}") for user in users}
            assert seen
    await database.close()


async def test_postgres_refuses_to_change_a_foreign_row_even_without_a_where_clause(
    postgres_database: PostgresAddress,
) -> None:
    database = await open_database(postgres_database.url, pool=2)
    world = World(database, 3)
    for book in world.books:
        await database.write(Scope(book.tenant, None), lambda tx, b=book: world.add(tx, b))
        for do in (world.say, world.say, world.say, world.embed):
            await database.write(Scope(book.tenant, None), lambda tx, act=do, b=book: act(tx, b))
    whole = Scope("acme", "ann")
    for table in OWNED:
        with pytest.raises(AccessDenied):
            await database.write(
                whole, lambda tx, t=table: tx.raw(f"UPDATE {t} SET owner = 'user:Ann' RETURNING 1")
            )
        await database.write(whole, lambda tx, t=table: tx.raw(f"DELETE FROM {t} RETURNING 1"))
    for book in world.books:
        if book.tenant == "acme" and book.owner in ("user:ann", *SHARED):
            book.rows, book.words, book.vectors = {}, {}, {}
    await world.check_all()
    await database.close()
