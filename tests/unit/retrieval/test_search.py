"""The searcher over real stores. Vectors come from a small table of words, made for these tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from support.postgres import PostgresAddress, PostgresServer

from muxi.core.errors import AccessDenied, ModelUnavailable
from muxi.retrieval.question import Question
from muxi.retrieval.search import Searcher
from muxi.retrieval.words import words
from muxi.storage import passages, vectors
from muxi.storage.database import Database, Scope, open_database
from muxi.storage.passages import PassageRow

ANN = Scope("acme", "ann")
BOB = Scope("acme", "bob")
DAY = 86_400_000_000
MEANINGS = {"dog": 0, "puppy": 0, "bike": 1, "bicycle": 1, "tea": 2, "drink": 2}


@dataclass
class Meanings:
    """Embeds by the words above; fails or hangs when told to."""

    name: str = "test/meanings"
    dimensions: int = 4
    asked: list[str] = field(default_factory=list)
    broken: bool = False
    hang: asyncio.Event | None = None

    async def embed(self, texts: Sequence[str]) -> Any:
        self.asked += texts
        if self.hang is not None:
            await self.hang.wait()
        if self.broken:
            raise ModelUnavailable("It is down.")
        out = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in enumerate(texts):
            hits = [m for word, m in MEANINGS.items() if word in text.lower()]
            out[row, hits[0] if hits else 3] = 1
        return out

    async def close(self) -> None: ...


@pytest.fixture(scope="module")
def address(postgres: PostgresServer) -> Iterator[PostgresAddress]:
    address = postgres.migrated()
    yield address
    postgres.drop(address)


@pytest.fixture(params=["sqlite", "postgres"])
async def database(request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    if request.param == "sqlite":
        opened = await open_database("sqlite://")
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        place: PostgresAddress = request.getfixturevalue("address")
        server.clean(place)
        opened = await open_database(place.url, pool=2)
    yield opened
    await opened.close()


async def remember(
    database: Database,
    who: Scope,
    texts: Sequence[str],
    *,
    owner: str | None = None,
    corpus: str = "memory",
    group: str = "g",
    speaker: str = "Ana",
    embedder: Meanings | None = None,
) -> list[int]:
    name = owner or f"user:{who.principal}"
    made = None if embedder is None else await Meanings().embed(texts)

    def write(tx: Any) -> list[int]:
        start = passages.count(tx, name, corpus)[0]
        rows = [
            PassageRow(
                id=f"mem_{name}_{corpus}_{group}_{start + at}",
                corpus=corpus,
                kind="turn",
                group_id=group,
                place=start + at,
                text=text,
                speaker=speaker,
                created_at=(start + at) * DAY,
            )
            for at, text in enumerate(texts)
        ]
        numbers = passages.add(tx, name, rows)
        found = {number: words(text) for number, text in zip(numbers, texts, strict=True)}
        passages.set_many_words(tx, name, found)
        if embedder is not None and made is not None:
            pairs = list(zip(numbers, made, strict=True))
            vectors.put(tx, name, corpus, embedder.name, "turn", made=pairs)
        return numbers

    return await database.write(who, write)


async def find(searcher: Searcher, who: Scope, text: str, **options: Any) -> list[int]:
    options = {"corpus": "memory", **options}
    owners = options.pop("owners", [f"user:{who.principal}"])
    people = options.pop("people", {})
    found = await searcher.search(who, owners, Question.read(text, people), **options)
    return [hit.number for hit in found.hits]


async def test_words_alone_find_without_an_embedder(database: Database) -> None:
    one, two = await remember(database, ANN, ["I have a dog", "I ride a bike"])
    searcher = Searcher(database)
    assert await find(searcher, ANN, "Which dogs?") == [one]
    assert await find(searcher, ANN, "Who rides?") == [two]
    assert await find(searcher, ANN, "xylophone") == []
    assert await find(searcher, ANN, "") == []


async def test_meaning_finds_what_words_do_not(database: Database) -> None:
    model = Meanings()
    one, _, _ = await remember(
        database, ANN, ["I have a puppy", "I ride a bicycle", "hello"], embedder=model
    )
    searcher = Searcher(database, model)
    assert (await find(searcher, ANN, "Which dog is it?"))[0] == one
    assert model.asked == ["Which dog is it?"]


async def test_each_owner_finds_only_its_own(database: Database) -> None:
    model = Meanings()
    mine = await remember(database, ANN, ["I have a dog"], embedder=model)
    theirs = await remember(database, BOB, ["I have a dog"], embedder=model)
    shared = await remember(database, BOB, ["dogs bark"], owner="team:vets", embedder=model)
    searcher = Searcher(database, model)
    assert await find(searcher, ANN, "dog?") == mine
    assert await find(searcher, BOB, "dog?") == theirs
    assert await find(searcher, ANN, "dog?", owners=["team:vets"]) == shared
    both = await find(searcher, ANN, "dog?", owners=["user:ann", "team:vets"])
    assert set(both) == {*mine, *shared}
    with pytest.raises(AccessDenied):
        await find(searcher, ANN, "dog?", owners=["user:ann", "user:bob"])
    assert await find(searcher, Scope("other", "ann"), "dog?") == []
    # A score that someone brings along opens no foreign passage.
    assert await find(searcher, ANN, "dog?", signals={theirs[0]: 9.0}) == mine


async def test_memory_and_knowledge_are_kept_apart(database: Database) -> None:
    model = Meanings()
    turn = await remember(database, ANN, ["my dog"], embedder=model)
    piece = await remember(database, ANN, ["the dog"], corpus="knowledge", embedder=model)
    searcher = Searcher(database, model)
    assert await find(searcher, ANN, "dog?", signals={piece[0]: 1.0}) == turn
    assert await find(searcher, ANN, "dog?", corpus="knowledge") == piece


async def test_groups_narrow_words_vectors_and_signals(database: Database) -> None:
    model = Meanings()
    one = await remember(database, ANN, ["a dog", "a puppy"], group="one", embedder=model)
    two = await remember(database, ANN, ["a dog", "a puppy"], group="two", embedder=model)
    searcher = Searcher(database, model)
    found = await find(searcher, ANN, "dog?", groups=["two"], signals={one[0]: 5.0})
    assert found == two
    assert await find(searcher, ANN, "dog?", groups=[]) == []
    assert set(await find(searcher, ANN, "dog?", groups=["one", "two"])) == {*one, *two}


async def test_who_was_named_comes_first(database: Database) -> None:
    (tom,) = await remember(database, ANN, ["I love tea"], speaker="Tom")
    (ana,) = await remember(database, ANN, ["I love tea"], speaker="Ana")
    searcher, people = Searcher(database), {"Tom": "Tom", "Ana": "Ana"}
    assert await find(searcher, ANN, "Does Tom love tea?", people=people) == [tom, ana]
    assert await find(searcher, ANN, "Does Ana love tea?", people=people) == [ana, tom]


async def test_scores_brought_along_lift_and_find(database: Database) -> None:
    one, two, three = await remember(database, ANN, ["tea one", "tea two", "unrelated"])
    searcher = Searcher(database)
    assert (await find(searcher, ANN, "tea", signals={one: 0.2, three: 0.1}))[:2] == [one, two]
    assert await find(searcher, ANN, "nothing here", signals={three: 1.0}) == [three]


async def test_a_limit_holds_and_none_is_none(database: Database) -> None:
    await remember(database, ANN, [f"tea number {n}" for n in range(30)])
    searcher = Searcher(database)
    assert len(await find(searcher, ANN, "tea", limit=3)) == 3
    assert len(await find(searcher, ANN, "tea")) == 10
    assert await find(searcher, ANN, "tea", limit=0) == []
    assert await find(searcher, ANN, "tea", owners=[]) == []


async def test_what_is_written_is_found_once_the_searcher_is_told(database: Database) -> None:
    model = Meanings()
    await remember(database, ANN, ["a bike", "hello"], embedder=model)
    searcher = Searcher(database, model)
    await find(searcher, ANN, "dog?")
    (fresh,) = await remember(database, ANN, ["a puppy"], embedder=model)
    searcher.changed("acme", "user:ann")
    assert (await find(searcher, ANN, "dog?"))[0] == fresh


async def test_what_was_removed_is_gone_even_from_an_old_cache(database: Database) -> None:
    model = Meanings()
    gone, left = await remember(database, ANN, ["a puppy", "a dog"], embedder=model)
    searcher = Searcher(database, model)
    assert set(await find(searcher, ANN, "dog?")) == {gone, left}
    await database.write(ANN, lambda tx: passages.remove(tx, "user:ann", [gone]))
    assert await find(searcher, ANN, "dog?") == [left]


async def test_a_failing_embedder_leaves_words_and_says_so(database: Database) -> None:
    model = Meanings(broken=True)
    (one,) = await remember(database, ANN, ["I have a dog"], embedder=model)
    searcher = Searcher(database, model)
    for _ in range(3):
        found = await searcher.search(ANN, ["user:ann"], Question.read("dog?"), corpus="memory")
        assert [hit.number for hit in found.hits] == [one]
        assert found.embedder is None
        assert found.note is not None
        assert "test/meanings" in found.note
        assert "It is down." in found.note
    assert len(model.asked) == 1, "one that failed is left in peace for a while"


async def test_an_embedder_that_hangs_is_not_waited_for(database: Database) -> None:
    model = Meanings(hang=asyncio.Event())
    (one,) = await remember(database, ANN, ["I have a dog"], embedder=model)
    searcher = Searcher(database, model, patience=0.05)
    found = await searcher.search(ANN, ["user:ann"], Question.read("dog?"), corpus="memory")
    assert [hit.number for hit in found.hits] == [one]
    assert found.note is not None
    assert "in time" in found.note


async def test_vectors_of_another_model_or_width_are_not_compared(database: Database) -> None:
    model = Meanings()
    (one,) = await remember(database, ANN, ["a puppy"], embedder=model)
    assert await find(Searcher(database, Meanings(name="test/other")), ANN, "dog?") == []
    assert await find(Searcher(database, Meanings(dimensions=7)), ANN, "dog?") == []
    searcher = Searcher(database)
    assert await find(searcher, ANN, "dog?") == []
    searcher.use(model)
    assert searcher.embedder is model
    assert await find(searcher, ANN, "dog?") == [one]


@dataclass
class Lengths:
    """Prefers long texts."""

    name: str = "test/lengths"
    broken: bool = False
    asked: list[tuple[str, list[str]]] = field(default_factory=list)

    async def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        self.asked.append((query, list(texts)))
        if self.broken:
            raise ModelUnavailable("It is down.")
        return [float(len(text)) for text in texts]

    async def close(self) -> None: ...


async def test_a_reranker_has_the_last_word(database: Database) -> None:
    short, long = await remember(database, ANN, ["tea", "tea, which my aunt sends from Assam"])
    reranker = Lengths()
    searcher = Searcher(database, reranker=reranker)
    assert await find(Searcher(database), ANN, "tea") == [short, long]
    assert await find(searcher, ANN, "tea", limit=1) == [long]
    assert reranker.asked == [("tea", ["Ana: tea", "Ana: tea, which my aunt sends from Assam"])]


async def test_a_failing_reranker_changes_nothing_and_says_so(database: Database) -> None:
    numbers = await remember(database, ANN, ["tea", "tea, which my aunt sends from Assam"])
    searcher = Searcher(database, reranker=Lengths(broken=True))
    found = await searcher.search(ANN, ["user:ann"], Question.read("tea"), corpus="memory")
    assert [hit.number for hit in found.hits] == numbers
    assert found.note is not None
    assert "Nothing was reranked" in found.note
