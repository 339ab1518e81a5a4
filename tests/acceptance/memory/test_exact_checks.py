"""The fifteen exact checks of what is known (F1 to F15), over HTTP and on both databases."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from muxi.client.client import Client
from muxi.core.errors import NotFound
from muxi.core.facts import Fact, FactInput
from muxi.core.forgetting import Forget
from tests.acceptance.memory.conftest import World, people

CITY = "location.city"
VALUES: list[Any] = [
    *(0, 1, 1.0, -7, 0.1, 2**53, 1e300, True, False, None, ""),
    *("1", "true", "null", "Zoë 李雷 🧑‍🚀 \u202e \\ \" '", [], [1, "1", None, [2]], {}),
]


def _at(year: int, month: int = 1) -> datetime:
    return datetime(year, month, 1, tzinfo=UTC)


async def _known(client: Client, path: str = "", **where: Any) -> dict[str, Any]:
    page = await client.facts.page(path, limit=500, **where)
    assert page.next is None
    return {fact.predicate: fact.value for fact in page.items}


async def _versions(client: Client, path: str) -> list[Fact]:
    return (await client.facts.history(path, limit=500)).items


def _spans(facts: list[Fact]) -> list[tuple[Any, int, int | None]]:
    return [
        (fact.value, fact.valid_from.year, None if fact.valid_to is None else fact.valid_to.year)
        for fact in facts
    ]


async def test_f1_what_is_set_is_got_by_user_and_key(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        changed = await ann.facts.put(CITY, "Oslo")
        assert (changed.added, changed.ended) == (1, 0)
        assert await ann.facts.tree(CITY) == "Oslo"
        assert await ann.facts.tree() == {"location": {"city": "Oslo"}}
        with pytest.raises(NotFound):
            await ann.facts.tree("location.street")


async def test_f2_equal_keys_of_two_users_are_two_facts(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann", "ann ", "a%") as clients:
        for number, client in enumerate(clients):
            await client.facts.put(CITY, f"City {number}")
        for number, client in enumerate(clients):
            assert await _known(client) == {CITY: f"City {number}"}
            assert len(await _versions(client, CITY)) == 1
        (other,) = (await clients[1].facts.page()).items
        with pytest.raises(NotFound):
            await clients[0].facts.get(other.id)
        with pytest.raises(NotFound):
            await clients[0].facts.delete_one(other.id)
        assert await _known(clients[1]) == {CITY: "City 1"}


async def test_f3_the_list_holds_exactly_what_was_set(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann", "ben") as (ann, ben):
        await ben.facts.put("age", 3)
        told = {f"key{number:03}.x": number for number in range(120)}
        await ann.facts.put_all([FactInput(predicate=p, value=v) for p, v in told.items()])
        assert await _known(ann) == told
        assert await _known(ann, "key007") == {"key007.x": 7}
        # Neither the beginning of a name nor a wildcard is a path.
        assert await _known(ann, "key00") == {}
        assert await _known(ann, "key%") == {}
        first = await ann.facts.page(limit=50)
        second = await ann.facts.page(limit=500, cursor=first.next)
        assert [f.predicate for f in (*first.items, *second.items)] == sorted(told)


async def test_f4_history_has_closed_intervals(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        for city, year in (("Oslo", 2020), ("Rome", 2022), ("Bonn", 2025)):
            await ann.facts.put(CITY, city, valid_from=_at(year))
        assert _spans(await _versions(ann, CITY)) == [
            ("Oslo", 2020, 2022),
            ("Rome", 2022, 2025),
            ("Bonn", 2025, None),
        ]


async def test_f5_what_held_then_can_be_asked_for(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        await ann.facts.put(CITY, "Oslo", valid_from=_at(2020))
        await ann.facts.put(CITY, "Rome", valid_from=_at(2022))
        assert await ann.facts.tree(CITY, as_of=_at(2021)) == "Oslo"
        assert await ann.facts.tree(CITY, as_of="2021-12-31T23:59:59.999999Z") == "Oslo"
        assert await ann.facts.tree(CITY, as_of=_at(2022)) == "Rome"
        assert await ann.facts.tree(CITY, as_of="2022-01-01") == "Rome"
        assert await _known(ann, as_of=_at(2019)) == {}
        with pytest.raises(NotFound):
            await ann.facts.tree(CITY, as_of=_at(2019))


async def test_f6_a_late_fact_takes_its_place_in_the_past(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        for city, year in (("Bonn", 2025), ("Oslo", 2020), ("Rome", 2022)):
            await ann.facts.put(CITY, city, valid_from=_at(year))
        assert await ann.facts.tree(CITY) == "Bonn"
        assert _spans(await _versions(ann, CITY)) == [
            ("Oslo", 2020, 2022),
            ("Rome", 2022, 2025),
            ("Bonn", 2025, None),
        ]


async def test_f7_repeating_makes_no_version(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        await ann.facts.put(CITY, "Oslo", valid_from=_at(2020))
        for since in (_at(2020), _at(2021), None):
            changed = await ann.facts.put(CITY, "Oslo", valid_from=since)
            assert (changed.added, changed.ended) == (0, 0)
        assert _spans(await _versions(ann, CITY)) == [("Oslo", 2020, None)]


async def test_f8_types_are_kept(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        for number, value in enumerate(VALUES):
            await ann.facts.put(f"v{number}", value)
        for number, value in enumerate(VALUES):
            found = await ann.facts.tree(f"v{number}")
            assert (type(found), found) == (type(value), value)
        # Each replaces the other: they are equal to Python, and not the same.
        for value in (1, 1.0, True, "1"):
            await ann.facts.put("one", value)
        assert [type(f.value) for f in await _versions(ann, "one")] == [int, float, bool, str]


async def test_f9_four_writers_of_one_key_leave_one_order(world: World) -> None:
    async with world.open() as muxi, people(muxi, *["ann"] * 4) as clients:

        async def write(number: int, client: Client) -> None:
            for turn in range(10):
                await client.facts.put(CITY, f"{number}-{turn}")

        await asyncio.gather(*(write(n, client) for n, client in enumerate(clients)))
        versions = await _versions(clients[0], CITY)
        assert sorted(str(f.value) for f in versions) == sorted(
            f"{number}-{turn}" for number in range(4) for turn in range(10)
        )
        assert all(before.valid_to == after.valid_from for before, after in pairwise(versions))
        assert [fact for fact in versions if fact.valid_to is None] == versions[-1:]
        assert await clients[1].facts.tree(CITY) == versions[-1].value


async def test_f10_what_is_stored_is_found_at_once(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        for number in range(20):
            await ann.facts.put(CITY, number)
            assert await ann.facts.tree(CITY) == number
            note = await ann.memories.add(f"The parrot number{number} is green.")
            (first, *_) = (await ann.memories.search(f"parrot number{number}")).items
            assert first.memory.id == note.id


async def test_f11_everything_outlives_a_restart(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        await ann.facts.put(CITY, "Oslo", valid_from=_at(2020))
        await ann.facts.put(CITY, "Rome", valid_from=_at(2022))
        note = await ann.memories.add("My parrot is green.")
        before = await _versions(ann, CITY)
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        assert await _versions(ann, CITY) == before
        assert await ann.memories.get(note.id) == note
        assert [i.memory.id for i in (await ann.memories.search("parrot")).items] == [note.id]


async def test_f12_a_fact_is_forgotten(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann", "ben") as (ann, ben):
        for client in (ann, ben):
            await client.facts.put(CITY, "Oslo", valid_from=_at(2020))
            await client.facts.put(CITY, "Rome", valid_from=_at(2022))
            await client.facts.put("location.country", "Italy")
        assert (await ann.facts.delete(CITY)).removed == 2
        assert await _versions(ann, CITY) == []
        assert await _known(ann) == {"location.country": "Italy"}
        assert len(await _versions(ben, CITY)) == 2
        # One version only: its neighbour takes its place.
        oslo, rome = await _versions(ben, CITY)
        await ben.facts.delete_one(rome.id)
        assert _spans(await _versions(ben, CITY)) == [("Oslo", 2020, None)]
        with pytest.raises(NotFound):
            await ben.facts.get(rome.id)
        assert (await ben.facts.get(oslo.id)).value == "Oslo"


async def test_f13_a_deleted_memory_is_found_no_more(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        gone = await ann.memories.add("My parrot Polly is green and loud.")
        kept = await ann.memories.add("My parrot Pirate is red and quiet.")
        await ann.memories.delete(gone.id)
        assert [i.memory.id for i in (await ann.memories.search("parrot")).items] == [kept.id]
        assert (await ann.memories.search("Polly")).items == []
        assert [each.id for each in (await ann.memories.page()).items] == [kept.id]
        for again in (ann.memories.get, ann.memories.delete):
            with pytest.raises(NotFound):
                await again(gone.id)


async def test_f14_no_byte_is_left_in_any_file(world: World) -> None:
    if world.dialect != "sqlite":
        pytest.skip("the files of PostgreSQL are its own")
    words = ("zanzibarite", "quokkafied", "xylobrine")
    async with world.open() as muxi, people(muxi, "ann") as (ann,):
        await ann.facts.put("colour", words[0])
        await ann.facts.put("colour", "red")
        note = await ann.memories.add(f"The colour of the sea is {words[1]}.")
        run = await ann.start_run(f"I have painted my boat in {words[2]} yesterday.")
        assert [event.type async for event in ann.events(run.id)][-1] == "run.completed"
        assert _left(world, words) == set(words)
        await ann.facts.delete("colour")
        await ann.memories.delete(note.id)
        await ann.memories.forget(Forget(threads=[run.thread_id]))
        assert (await ann.memories.verify(texts=words)).clean
        assert _left(world, words) == set()
    assert _left(world, words) == set()


async def test_f15_a_user_is_forgotten(world: World) -> None:
    async with world.open() as muxi, people(muxi, "ann", "ben") as (ann, ben):
        for client in (ann, ben):
            await client.facts.put(CITY, "Oslo")
            await client.memories.add("My parrot is green.")
            run = await client.start_run("The parrot of my uncle is a dinosaur.")
            assert [event.type async for event in client.events(run.id)][-1] == "run.completed"
        count = await ann.memories.forget(Forget(everything=True), dry_run=True)
        assert await _known(ann) == {CITY: "Oslo"}
        done = await ann.memories.forget(Forget(everything=True))
        assert (count.dry_run, done.dry_run) == (True, False)
        assert sum(done.counts.values()) > 0
        assert await _known(ann) == {}
        assert (await ann.memories.page()).items == []
        assert (await ann.memories.search("parrot")).items == []
        assert (await ann.threads()).items == []
        remains = await ann.memories.verify()
        assert remains.clean, [each for each in remains.searched if each.found]
        assert remains.searched
        assert await _known(ben) == {CITY: "Oslo"}
        assert (await ben.memories.search("parrot")).items != []
        assert len((await ben.threads()).items) == 1


def _left(world: World, words: tuple[str, ...]) -> set[str]:
    """The words that stand in any file of the project, as they are or as JSON writes them."""
    files = [path.read_bytes() for path in world.folder.rglob("*") if path.is_file()]
    forms = {word: (word.encode(), json.dumps(word)[1:-1].encode()) for word in words}
    return {
        word for word, ways in forms.items() for data in files if any(way in data for way in ways)
    }
