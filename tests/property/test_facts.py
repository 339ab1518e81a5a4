"""Whatever is told and in whatever order: the chains are those of the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from muxi.core.facts import canonical
from muxi.core.paths import dotted, normal, steps
from muxi.memory import tree
from muxi.memory.facts import FactStore, Telling
from muxi.storage import facts as stored
from muxi.storage.database import Database, Scope, open_database
from muxi.storage.fact_chain import NOTHING
from muxi.storage.fact_rows import Leaf, instant
from muxi.storage.facts import Statement

ANN = Scope("acme", "ann")
HERS = "user:ann"

Log = list[tuple[int, str, int | None]]
"""Since when, what, and until when; no two begin at once."""

LOG = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.sampled_from(['"a"', '"b"', '"c"', NOTHING]),
        st.one_of(st.none(), st.none(), st.integers(1, 20)),
    ),
    max_size=20,
    unique_by=lambda said: said[0],
).map(
    lambda log: [
        (at, value, at + length if length and value != NOTHING else None)
        for at, value, length in log
    ]
)
# What ends before anything began says nothing, and is not kept.
LOG = LOG.map(lambda log: [said for said in log if said[1] != NOTHING or min(log)[1] != NOTHING])


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.text(max_size=3).filter(_encodes), inner, max_size=3)
    ),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.text(max_size=3).filter(_encodes), JSON, max_size=4)


def replayed(log: Log, at: int) -> str | None:
    """What the last statement up to `at` says, unless its end has come."""
    past = [said for said in log if said[0] <= at]
    if not past:
        return None
    _, value, until = max(past)
    return None if value == NOTHING or (until is not None and until <= at) else value


async def tell(database: Database, log: Sequence[tuple[int, str, int | None]], key: str) -> None:
    first = min((said[0] for said in log if said[1] != NOTHING), default=0)
    # An end needs something to end: what begins first is told first, the rest in any order.
    ordered = sorted(log, key=lambda said: said[0] != first)
    for at, value, until in ordered:
        one = Statement(subject="user", predicate=key, value=value, at=at, until=until)
        await database.write(ANN, lambda tx, one=one: stored.put(tx, HERS, [one]))


async def intervals(database: Database, key: str) -> list[tuple[Any, ...]]:
    page = await database.read(
        ANN, lambda tx: stored.history(tx, HERS, subject="user", path=key, limit=1000)
    )
    return [(canonical(f.value), f.valid_from, f.valid_to, f.confirmations) for f in page.items]


@settings(max_examples=60, deadline=None)
@given(log=LOG, order=st.randoms(use_true_random=False))
def test_chains_are_those_of_the_log_in_whatever_order_it_arrives(log: Log, order: Any) -> None:
    async def check() -> None:
        database = await open_database("sqlite://")
        await tell(database, sorted(log), "sorted")
        shuffled = list(log)
        order.shuffle(shuffled)
        await tell(database, shuffled, "shuffled")
        found = await intervals(database, "shuffled")
        assert found == await intervals(database, "sorted")
        for one, other in pairwise(found):
            assert one[2] is not None
            assert one[1] < one[2] <= other[1]
        for at in range(70):
            fact = await database.read(
                ANN,
                lambda tx, at=at: stored.current(tx, HERS, "user", "shuffled", as_of=at),
            )
            assert (None if fact is None else canonical(fact.value)) == replayed(log, at)
        await database.close()

    asyncio.run(check())


@settings(max_examples=40, deadline=None)
@given(log=LOG, order=st.randoms(use_true_random=False), sources=st.lists(st.integers(0, 3)))
def test_what_a_source_said_can_be_taken_back_without_a_trace(
    log: Log, order: Any, sources: list[int]
) -> None:
    log = [(at, value, until) for at, value, until in log if value != NOTHING]

    async def check() -> None:
        database = await open_database("sqlite://")
        order.shuffle(log)
        said = [(*one, f"msg_{at % 4}") for at, one in enumerate(log)]
        gone = {f"msg_{source}" for source in sources}
        for key, without in (("all", set[str]()), ("less", gone)):
            for at, value, until, source in said:
                one = Statement(
                    subject="user",
                    predicate=key,
                    value=value,
                    at=at,
                    until=until,
                    message_id=source,
                )
                if source not in without:
                    await database.write(ANN, lambda tx, one=one: stored.put(tx, HERS, [one]))
        await database.write(ANN, lambda tx: stored.forget_sources(tx, HERS, gone))
        assert await intervals(database, "all") == await intervals(database, "less")
        await database.close()

    asyncio.run(check())


@settings(max_examples=40, deadline=None)
@given(objects=st.lists(OBJECT, min_size=1, max_size=4), patches=st.lists(OBJECT, max_size=3))
def test_merges_and_patches_of_facts_are_those_of_json(
    objects: list[dict[str, JsonValue]], patches: list[dict[str, JsonValue]]
) -> None:
    async def check() -> None:
        database = await open_database("sqlite://")
        facts = FactStore(database)
        expected: JsonValue = {}
        for at, more in enumerate(objects):
            expected = tree.merged(expected, more)
            await facts.merge(ANN, HERS, more, telling=Telling(valid_from=instant(at)))
            assert await facts.tree(ANN, HERS, as_of=instant(at)) == expected
        for at, patch in enumerate(patches, len(objects)):
            expected = tree.patched(expected, patch)
            await facts.patch(ANN, HERS, patch, telling=Telling(valid_from=instant(at)))
            assert await facts.tree(ANN, HERS, as_of=instant(at)) == expected
        await database.close()

    asyncio.run(check())


@given(st.lists(st.text(max_size=6).filter(_encodes), max_size=6))
def test_a_path_gives_back_its_steps_and_has_one_spelling(way: list[str]) -> None:
    path = dotted(way)
    assert steps(path) == way
    assert normal(path) == path


@given(OBJECT)
def test_what_is_taken_apart_can_be_put_together(value: dict[str, JsonValue]) -> None:
    leaves = [Leaf(path, canonical(leaf), 0) for path, leaf in tree.leaves_of(value)]
    assert tree.nested(leaves) == value
