"""Passages with their words and vectors: found by their owner, and by nobody else."""

from __future__ import annotations

import asyncio
import math
import random
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import pytest

from muxi.core.errors import AccessDenied, Conflict, InvalidInput, NotFound
from muxi.storage import cursors, passages, vectors
from muxi.storage.passages import PassageRow
from muxi.storage.transaction import Database, Scope, Tx
from muxi.testing.storage.samples import ANN

OWN = "user:ann"
MODEL = "static/2"


def a_passage(id: str, text: str = "a text", **fields: Any) -> PassageRow:
    """A passage that is not stored yet."""
    known: dict[str, Any] = {
        "corpus": "memory",
        "kind": "turn",
        "group_id": "thr_1",
        "created_at": 1,
    }
    return PassageRow(id=id, text=text, **(known | fields))


def a_vector(direction: int) -> tuple[float, float]:
    """One of 128 that are stored without rounding."""
    return (127.0, float(direction % 128))


def expected_scores(
    said: Mapping[int, Sequence[str]], terms: Sequence[str]
) -> list[tuple[int, float]]:
    """BM25 written down as its formula reads, best first."""
    known = {number: words for number, words in said.items() if words}
    if not known:
        return []
    mean = sum(len(words) for words in known.values()) / len(known)
    scores: dict[int, float] = {}
    for term in set(terms):
        having = [number for number, words in known.items() if term in words]
        rarity = math.log(1 + (len(known) - len(having) + 0.5) / (len(having) + 0.5))
        for number in having:
            count = Counter(known[number])[term]
            length = 1 - 0.75 + 0.75 * len(known[number]) / mean
            part = rarity * count * 2.2 / (count + 1.2 * length)
            scores[number] = scores.get(number, 0.0) + part
    return sorted(scores.items(), key=lambda item: (-item[1], -item[0]))


class PassageConformance:
    """Inherit it through `StorageConformance`."""

    async def test_a_passage_comes_back_as_it_was_stored(self, database: Database) -> None:
        row = a_passage(
            "mem_1",
            "Zoë said: \N{OWL}",
            speaker="zoë",
            said_at=5,
            place=7,
            hash="h",
            information=1.5,
            uses=2,
            used_at=9,
            record='{"a":1}',
        )
        (number,) = await database.write(ANN, lambda tx: passages.add(tx, OWN, [row]))
        reads: list[Callable[[Tx], list[PassageRow]]] = [
            lambda tx: passages.get(tx, [OWN], ["mem_1", "mem_0"]),
            lambda tx: passages.by_numbers(tx, [OWN], [number, 0]),
            lambda tx: passages.same_hash(tx, OWN, "h"),
            lambda tx: passages.group(tx, OWN, "thr_1"),
        ]
        for read in reads:
            (found,) = await database.read(ANN, read)
            assert (found.number, found.owner, found.text) == (number, OWN, row.text)
            assert (found.said_at, found.used_at, found.record) == (5, 9, '{"a":1}')
            assert (found.information, found.speaker, found.place) == (1.5, "zoë", 7)
        with pytest.raises(Conflict):
            await database.write(ANN, lambda tx: passages.add(tx, OWN, [row]))
        await database.write(ANN, lambda tx: passages.mark_used(tx, [OWN], [number], 11))
        (found,) = await database.read(ANN, lambda tx: passages.get(tx, [OWN], ["mem_1"]))
        assert (found.uses, found.used_at) == (3, 11)
        counted = await database.read(ANN, lambda tx: passages.count(tx, OWN, "memory"))
        assert counted == (1, len(row.text.encode()))

    async def test_passages_are_listed_newest_first_in_pages(self, database: Database) -> None:
        rows = [
            a_passage(f"mem_{at}", created_at=at // 2, place=at, kind="note" if at % 5 else "turn")
            for at in range(23)
        ]
        await database.write(ANN, lambda tx: passages.add(tx, OWN, rows))
        seen: list[int] = []
        after: str | None = None
        while True:
            page = await database.read(
                ANN, lambda tx, at=after: passages.page(tx, OWN, corpus="memory", after=at, limit=5)
            )
            seen += [row.place for row in page.items]
            after = page.next
            if after is None:
                break
        assert seen == list(range(22, -1, -1))
        turns = await database.read(
            ANN, lambda tx: passages.page(tx, OWN, corpus="memory", kind="turn")
        )
        assert [row.place for row in turns.items] == [20, 15, 10, 5, 0]
        near = await database.read(
            ANN, lambda tx: passages.neighbours(tx, OWN, "thr_1", 10, before=2, after=1)
        )
        assert [row.place for row in near] == [8, 9, 10, 11]
        last = await database.read(ANN, lambda tx: passages.last(tx, OWN, "thr_1", limit=3))
        assert [row.place for row in last] == [20, 21, 22]
        with pytest.raises(InvalidInput):
            await database.read(
                ANN, lambda tx: passages.page(tx, OWN, corpus="memory", after="nonsense")
            )

    @pytest.mark.parametrize("seed", range(2))
    async def test_words_score_by_what_is_rare_with_the_owner(
        self, database: Database, seed: int
    ) -> None:
        source = random.Random(seed)
        words = [f"w{number}" for number in range(12)] + ["\N{OWL}", "東京"]
        rows = [a_passage(f"mem_{at}") for at in range(400)]
        numbers = await database.write(ANN, lambda tx: passages.add(tx, OWN, rows))
        said: dict[int, list[str]] = {}
        for _ in range(25):
            fresh = {
                number: source.choices(words, range(1, 15), k=source.randrange(9))
                for number in source.sample(numbers, source.choice((1, 7, 150)))
            }
            await database.write(ANN, lambda tx, f=fresh: passages.set_many_words(tx, OWN, f))
            said |= fresh
            if source.randrange(3) == 0 and said:
                gone = source.sample(sorted(said), min(len(said), 20))
                await database.write(ANN, lambda tx, g=gone: passages.remove(tx, OWN, g))
                for number in gone:
                    numbers.remove(number)
                    del said[number]
            terms = source.sample([*words, "unknown"], 4)
            found = await database.read(
                ANN, lambda tx, t=terms: passages.match(tx, [OWN], "memory", t, limit=1000)
            )
            expected = expected_scores(said, terms)
            assert dict(found) == pytest.approx(dict(expected))
            assert [score for _, score in found] == sorted(dict(found).values(), reverse=True)

    async def test_what_is_rare_is_measured_over_all_owners_that_are_read(
        self, database: Database
    ) -> None:
        def fill(tx: Tx) -> dict[int, list[str]]:
            said: dict[int, list[str]] = {}
            for owner in (OWN, "tenant", "agent:a"):
                rows = [a_passage(f"{owner}{at}", group_id=f"g{at % 2}") for at in range(3)]
                for number in passages.add(tx, owner, rows):
                    passages.set_words(tx, owner, number, ["same", f"x{number % 2}"])
                    if owner != "agent:a":
                        said[number] = ["same", f"x{number % 2}"]
            return said

        said = await database.write(ANN, fill)
        found = await database.read(
            ANN, lambda tx: passages.match(tx, [OWN, "tenant"], "memory", ["same", "x1"])
        )
        assert dict(found) == pytest.approx(dict(expected_scores(said, ["same", "x1"])))
        some = await database.read(
            ANN, lambda tx: passages.match(tx, [OWN], "memory", ["same"], groups=["g1"])
        )
        assert len(some) == 1

    async def test_vectors_come_back_by_number_and_go_with_their_passages(
        self, database: Database
    ) -> None:
        rows = [a_passage(f"mem_{at}") for at in range(100)]
        numbers = await database.write(ANN, lambda tx: passages.add(tx, OWN, rows))
        order = list(numbers)
        random.Random(3).shuffle(order)
        kept: dict[int, tuple[float, ...]] = {}
        for start in range(0, 100, 7):
            made = [(number, a_vector(number + start)) for number in order[start : start + 7]]
            await database.write(ANN, lambda tx, m=made: put_vectors(tx, m))
            kept |= dict(made)
        assert await database.read(ANN, scan) == kept
        gone = [*order[:30], 10**6]
        assert await database.write(ANN, lambda tx: passages.remove(tx, OWN, gone)) == 30
        kept = {number: data for number, data in kept.items() if number not in gone}
        again = [(number, a_vector(1)) for number in order[20:40]]
        assert await database.write(ANN, lambda tx: put_vectors(tx, again)) == 10
        kept |= dict(again[10:])
        assert await database.read(ANN, scan) == kept
        with pytest.raises(InvalidInput):
            await database.write(ANN, lambda tx: put_vectors(tx, [(order[50], (1.0,))]))

    async def test_what_has_no_vector_of_a_model_is_listed_by_number(
        self, database: Database
    ) -> None:
        kinds = ["turn", "context", "note"]
        rows = [a_passage(f"mem_{at}", kind=kinds[at % 3]) for at in range(30)]
        numbers = await database.write(ANN, lambda tx: passages.add(tx, OWN, rows))
        wanted = [number for at, number in enumerate(numbers) if at % 3 != 1]

        def missing(tx: Tx, after: int = 0) -> list[int]:
            found = vectors.missing(tx, MODEL, "memory", kind="turn", limit=8, after=after)
            return [number for number, _, _, _ in found]

        first = await database.read(ANN, missing)
        assert first == wanted[:8]
        await database.write(
            ANN, lambda tx: put_vectors(tx, [(number, a_vector(0)) for number in first])
        )
        assert await database.read(ANN, missing) == wanted[8:16]
        assert await database.read(ANN, lambda tx: missing(tx, wanted[15])) == wanted[16:]
        (state,) = await database.read(ANN, vectors.state)
        assert (state.model, state.kind, state.vectors, state.missing) == (MODEL, "turn", 8, 12)
        after: int | None = 0
        while after is not None:
            drop = partial(vectors.drop, model=MODEL, after=after, limit=3)
            after = await database.write(ANN, drop)
        assert await database.read(ANN, vectors.state) == []
        assert await database.read(ANN, scan) == {}

    async def test_a_window_loses_its_vector_when_a_neighbour_goes(
        self, database: Database
    ) -> None:
        numbers = await database.write(
            ANN, lambda tx: passages.add(tx, OWN, [a_passage("mem_1"), a_passage("mem_2")])
        )

        def put(tx: Tx) -> None:
            made = [(number, a_vector(0)) for number in numbers]
            for kind in ("turn", "window"):
                vectors.put(tx, OWN, "memory", MODEL, kind, made=made)

        await database.write(ANN, put)
        await database.write(ANN, lambda tx: vectors.drop_windows(tx, numbers[:1]))
        states = await database.read(ANN, vectors.state)
        assert [(state.kind, state.vectors) for state in states] == [("turn", 2), ("window", 1)]

    async def test_no_user_touches_the_memory_of_another(self, database: Database) -> None:
        bob, whole = Scope("acme", "bob"), Scope("acme", None)
        (number,) = await database.write(
            ANN, lambda tx: passages.add(tx, OWN, [a_passage("mem_1")])
        )
        await database.write(ANN, lambda tx: passages.set_words(tx, OWN, number, ["secret"]))
        await database.write(ANN, lambda tx: put_vectors(tx, [(number, a_vector(0))]))
        acts: list[Callable[[Tx], object]] = [
            lambda tx: passages.add(tx, OWN, [a_passage("mem_2")]),
            lambda tx: passages.get(tx, [OWN], ["mem_1"]),
            lambda tx: passages.match(tx, ["tenant", OWN], "memory", ["secret"]),
            lambda tx: passages.remove(tx, OWN, [number]),
            lambda tx: passages.page(tx, OWN, corpus="memory"),
            lambda tx: vectors.scan(tx, OWN, "memory", MODEL, "turn"),
        ]
        for act in acts:
            with pytest.raises(AccessDenied):
                await database.write(bob, act)
        for owner in ("user:bob", "tenant", "agent:a"):
            with pytest.raises(NotFound):
                await database.write(
                    bob, lambda tx, o=owner: passages.set_words(tx, o, number, ["mine"])
                )
            assert (
                await database.write(bob, lambda tx, o=owner: passages.remove(tx, o, [number])) == 0
            )
        await database.write(bob, lambda tx: vectors.drop_windows(tx, [number]))
        while await database.write(bob, lambda tx: vectors.drop(tx, MODEL)) is not None:
            continue
        assert await database.read(bob, passages.owners) == []
        assert await database.read(bob, vectors.state) == []
        assert (
            await database.read(bob, lambda tx: vectors.missing(tx, "m", kind="turn", limit=9))
            == []
        )
        for scope in (ANN, whole):
            assert await database.read(scope, passages.owners) == [OWN]
            assert list(await database.read(scope, scan)) == [number]
            found = await database.read(
                scope, lambda tx: passages.match(tx, [OWN], "memory", ["secret"])
            )
            assert [hit for hit, _ in found] == [number]

    @pytest.mark.parametrize("owner", ["", "user:", "ann", "user:a\0", "user:" + "x" * 2000])
    async def test_an_owner_that_is_none_is_refused(self, database: Database, owner: str) -> None:
        with pytest.raises(InvalidInput):
            await database.write(
                Scope("acme", None), lambda tx: passages.add(tx, owner, [a_passage("mem_1")])
            )

    async def test_a_number_is_never_given_twice(self, database: Database) -> None:
        (first,) = await database.write(ANN, lambda tx: passages.add(tx, OWN, [a_passage("mem_1")]))
        await database.write(ANN, lambda tx: passages.remove(tx, OWN, [first]))
        (second,) = await database.write(
            ANN, lambda tx: passages.add(tx, OWN, [a_passage("mem_1")])
        )
        assert second > first

    async def test_a_passage_that_is_committed_late_is_not_passed_over(
        self, database: Database
    ) -> None:
        numbered, others_done = threading.Event(), threading.Event()

        def add_slowly(tx: Tx) -> None:
            passages.add(tx, OWN, [a_passage("mem_slow")])
            numbered.set()
            assert others_done.wait(60)

        whole = Scope("acme", None)
        # The first to write in a tenant makes it known, and others wait for that.
        await database.write(whole, lambda tx: passages.add(tx, OWN, [a_passage("mem_first")]))
        slow = asyncio.create_task(database.write(whole, add_slowly))
        await asyncio.to_thread(numbered.wait, 60)
        if database.dialect == "sqlite":
            # One writes after the other there.
            others_done.set()
        quick = [a_passage("mem_quick")]
        await database.write(whole, lambda tx: passages.add(tx, "user:bob", quick))
        seen: list[str] = []
        place: str | None = None
        while len(seen) < 3:
            found = await database.read(
                whole, lambda tx, at=place: passages.since(tx, at, corpus="memory", limit=1)
            )
            seen += [row.id for row in found.rows]
            place = found.cursor
            others_done.set()
            # Any transaction that is open on the server holds back what was written after it.
            await asyncio.sleep(0.01)
        await slow
        assert sorted(seen) == ["mem_first", "mem_quick", "mem_slow"]
        after = await database.read(
            whole, lambda tx: passages.since(tx, place, corpus="memory", limit=1)
        )
        assert (after.rows, after.cursor) == ([], place)

    async def test_a_cursor_stays_where_it_was_set(self, database: Database) -> None:
        there = Scope("there", None)
        assert await database.read(ANN, lambda tx: cursors.get(tx, "memory")) is None
        for place in ("one", "two"):
            await database.write(ANN, lambda tx, at=place: cursors.set(tx, "memory", at))
        assert await database.read(ANN, lambda tx: cursors.get(tx, "memory")) == "two"
        assert await database.read(there, lambda tx: cursors.get(tx, "memory")) is None
        await database.write(ANN, lambda tx: cursors.set(tx, "memory", None))
        assert await database.read(ANN, lambda tx: cursors.get(tx, "memory")) is None


def put_vectors(tx: Tx, made: list[tuple[int, tuple[float, ...]]]) -> int:
    """Store vectors of `OWN`'s turns by `MODEL`; how many."""
    return vectors.put(tx, OWN, "memory", MODEL, "turn", made=made)


def scan(tx: Tx) -> dict[int, tuple[float, ...]]:
    """The vectors of `OWN`, by passage."""
    return vectors_of(tx, OWN)


def vectors_of(tx: Tx, owner: str) -> dict[int, tuple[float, ...]]:
    """The owner's vectors of `MODEL` for turns, by passage."""
    found = vectors.scan(tx, owner, "memory", MODEL, "turn")
    if found is None:
        return {}
    rows: list[list[float]] = (found.codes * found.scales[:, None]).tolist()
    return {number: tuple(row) for number, row in zip(found.numbers.tolist(), rows, strict=True)}
