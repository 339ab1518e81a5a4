"""What is known of somebody, when it held, and who said so; on both databases."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import JsonValue
from support.postgres import PostgresAddress, PostgresServer

from muxi.core.errors import AccessDenied, InvalidInput, NotFound
from muxi.core.facts import Fact, FactInput, FactsChanged
from muxi.memory.facts import FactStore, Telling
from muxi.storage import facts as stored
from muxi.storage.database import Database, Scope, open_database

ANN, BOB = Scope("acme", "ann"), Scope("acme", "bob")
HERS, HIS = "user:ann", "user:bob"


def day(number: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)


def since(number: int, **more: str) -> Telling:
    return Telling(valid_from=day(number), **more)


@pytest.fixture(scope="module")
def address(postgres: PostgresServer) -> Iterator[PostgresAddress]:
    address = postgres.migrated()
    yield address
    postgres.drop(address)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/muxi.db"
    if request.param == "postgresql":
        address: PostgresAddress = request.getfixturevalue("address")
        server: PostgresServer = request.getfixturevalue("postgres")
        server.clean(address)
        url = address.url
    database = await open_database(url, pool=4)
    yield database
    await database.close()


@pytest.fixture
def facts(database: Database) -> FactStore:
    return FactStore(database)


async def versions(facts: FactStore, path: str = "", owner: str = HERS) -> list[Fact]:
    return (await facts.history(ANN, owner, subject="user", path=path, limit=1000)).items


async def spans(facts: FactStore, path: str) -> list[tuple[object, int, int | None]]:
    """Value, first day and last day of each version."""
    return [
        (
            fact.value,
            (fact.valid_from - day(0)).days,
            None if fact.valid_to is None else (fact.valid_to - day(0)).days,
        )
        for fact in await versions(facts, path)
    ]


async def test_a_fact_is_given_back_by_user_and_key(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon")
    fact = await facts.get(ANN, HERS, "city")
    assert (fact.value, fact.owner, fact.subject, fact.predicate, fact.valid_to) == (
        "Lisbon",
        HERS,
        "user",
        "city",
        None,
    )
    assert fact.valid_from.tzinfo is not None
    assert (await facts.version(ANN, HERS, fact.id)).value == "Lisbon"


async def test_equal_keys_of_two_users_are_kept_apart(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon")
    await facts.put(BOB, HIS, "city", "Oslo")
    assert (await facts.get(ANN, HERS, "city")).value == "Lisbon"
    assert (await facts.get(BOB, HIS, "city")).value == "Oslo"
    with pytest.raises(AccessDenied):
        await facts.get(ANN, HIS, "city")
    with pytest.raises(AccessDenied):
        await facts.put(ANN, HIS, "city", "Rome")
    other = Scope("other", "ann")
    assert await facts.tree(other, HERS) == {}
    await facts.put(ANN, "tenant", "city", "Berlin")
    assert (await facts.get(BOB, "tenant", "city")).value == "Berlin"
    whole = Scope("acme", None)
    assert (await facts.get(whole, HIS, "city")).value == "Oslo"


async def test_a_list_has_exactly_what_holds(facts: FactStore) -> None:
    for number in range(25):
        await facts.put(ANN, HERS, f"key {number:02}", number)
    await facts.put(ANN, HERS, "key 07", "new")
    await facts.end(ANN, HERS, "key 08")
    await facts.put(ANN, HERS, "key 05", 5, subject="project")
    found: list[Fact] = []
    cursor: str | None = None
    for _ in range(10):
        page = await facts.page(ANN, HERS, subject="user", cursor=cursor, limit=7)
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    expected = {f"key {number:02}": number for number in range(25) if number != 8}
    assert [fact.predicate for fact in found] == sorted(expected)
    assert {fact.predicate: fact.value for fact in found} == expected | {"key 07": "new"}
    everything = await facts.page(ANN, HERS, limit=100)
    assert len(everything.items) == 25
    assert [s.subject for s in (await facts.subjects(ANN, HERS)).items] == ["project", "user"]


async def test_history_shows_each_version_with_its_interval_and_its_source(
    facts: FactStore,
) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(1, source_message_id="msg_1"))
    changed = await facts.put(
        ANN, HERS, "city", "Berlin", telling=since(9, source_message_id="msg_2")
    )
    assert changed == FactsChanged(added=1, ended=1)
    assert await spans(facts, "city") == [("Lisbon", 1, 9), ("Berlin", 9, None)]
    assert [f.source_message_id for f in await versions(facts)] == ["msg_1", "msg_2"]


async def test_any_date_can_be_asked_about(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(1))
    await facts.put(ANN, HERS, "city", "Berlin", telling=since(9))
    assert (await facts.get(ANN, HERS, "city", as_of=day(8))).value == "Lisbon"
    assert (await facts.get(ANN, HERS, "city", as_of=day(9))).value == "Berlin"
    assert await facts.tree(ANN, HERS, as_of=day(5)) == {"city": "Lisbon"}
    with pytest.raises(NotFound):
        await facts.get(ANN, HERS, "city", as_of=day(0))
    page = await facts.page(ANN, HERS, as_of="2026-01-05T00:00:00+01:00")
    assert [fact.value for fact in page.items] == ["Lisbon"]


async def test_a_late_fact_takes_its_place_in_the_past(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(1))
    await facts.put(ANN, HERS, "city", "Berlin", telling=since(9))
    await facts.put(ANN, HERS, "city", "Rome", telling=since(4))
    assert await spans(facts, "city") == [("Lisbon", 1, 4), ("Rome", 4, 9), ("Berlin", 9, None)]
    await facts.put(ANN, HERS, "city", "Faro", telling=since(-3))
    assert (await spans(facts, "city"))[0] == ("Faro", -3, 1)


async def test_repeating_makes_no_version_and_is_counted(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(1, source_message_id="msg_1"))
    for number in (3, 5, 7):
        again = await facts.put(
            ANN, HERS, "city", "Lisbon", telling=since(number, source_message_id=f"msg_{number}")
        )
        assert again == FactsChanged(confirmed=1)
    [fact] = await versions(facts)
    assert fact.confirmations == 3
    assert [said.source_message_id for said in fact.confirmed] == ["msg_3", "msg_5", "msg_7"]
    # The same words twice, as after a crash, are one.
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(5, source_message_id="msg_5"))
    assert (await versions(facts))[0].confirmations == 3


async def test_a_late_contradiction_splits_what_was_repeated(facts: FactStore) -> None:
    for number in (1, 7, 9):
        await facts.put(ANN, HERS, "city", "Lisbon", telling=since(number))
    await facts.put(ANN, HERS, "city", "Rome", telling=since(4))
    assert await spans(facts, "city") == [("Lisbon", 1, 4), ("Rome", 4, 7), ("Lisbon", 7, None)]


async def test_an_earlier_beginning_extends_a_version(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(5))
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(2))
    assert await spans(facts, "city") == [("Lisbon", 2, None)]


async def test_an_end_that_is_given_ends_a_fact_and_nothing_comes_back(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "job", "baker", telling=since(0))
    stay = Telling(valid_from=day(2), valid_to=day(4))
    await facts.put(ANN, HERS, "job", "soldier", telling=stay)
    assert await spans(facts, "job") == [("baker", 0, 2), ("soldier", 2, 4)]
    with pytest.raises(NotFound):
        await facts.get(ANN, HERS, "job")
    backwards = Telling(valid_from=day(4), valid_to=day(4))
    with pytest.raises(InvalidInput):
        await facts.put(ANN, HERS, "job", "x", telling=backwards)


async def test_values_keep_their_types(facts: FactStore) -> None:
    values: list[JsonValue] = ["", "text with \0 and \N{GRINNING FACE}", 0, 1, 1.0, -0.5, 10**30]
    values += [True, False, None, [], {}, [1, "a", None, {"deep": [True]}]]
    await facts.merge(ANN, HERS, {f"v{at}": value for at, value in enumerate(values)})
    for at, value in enumerate(values):
        known = (await facts.get(ANN, HERS, f"v{at}")).value
        assert (known, type(known)) == (value, type(value))


async def test_one_and_true_are_two_values(facts: FactStore) -> None:
    for value in (1, 1.0, True, "1"):
        await facts.put(ANN, HERS, "value", value)
    assert [type(fact.value) for fact in await versions(facts)] == [int, float, bool, str]


async def test_four_writers_of_one_key_leave_one_whole_chain(facts: FactStore) -> None:
    async def write(writer: int) -> None:
        for number in range(10):
            await facts.put(ANN, HERS, "key", f"{writer} {number}")

    await asyncio.gather(*(write(writer) for writer in range(4)))
    found = await versions(facts, "key")
    assert len(found) == 40
    assert sorted(str(fact.value) for fact in found) == sorted(
        f"{writer} {number}" for writer in range(4) for number in range(10)
    )
    ends = [fact.valid_to for fact in found]
    assert ends == [*(fact.valid_from for fact in found[1:]), None]
    assert (await facts.get(ANN, HERS, "key")).id == found[-1].id


async def test_what_was_written_is_found_at_once(facts: FactStore) -> None:
    for number in range(30):
        await facts.put(ANN, HERS, "key", number)
        assert (await facts.get(ANN, HERS, "key")).value == number


async def test_facts_are_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/muxi.db"
    database = await open_database(url)
    await FactStore(database).put(ANN, HERS, "city", "Lisbon")
    await database.close()
    database = await open_database(url)
    assert (await FactStore(database).get(ANN, HERS, "city")).value == "Lisbon"
    await database.close()


async def test_a_deleted_version_was_never_told(facts: FactStore) -> None:
    for number, city in enumerate(("Lisbon", "Berlin", "Lisbon")):
        await facts.put(ANN, HERS, "city", city, telling=since(number))
    wrong = (await versions(facts, "city"))[1]
    await facts.delete(ANN, HERS, wrong.id)
    assert await spans(facts, "city") == [("Lisbon", 0, None)]
    with pytest.raises(NotFound):
        await facts.delete(ANN, HERS, wrong.id)


async def test_a_path_and_a_subject_are_deleted_with_their_past(facts: FactStore) -> None:
    await facts.merge(ANN, HERS, {"a": {"b": 1, "c": {"d": 2}}, "ab": 3, "a b": 4})
    await facts.put(ANN, HERS, "a.b", 2)
    await facts.put(ANN, HERS, "a.b", 1, subject="other")
    assert (await facts.delete_path(ANN, HERS, "a")).removed == 3
    assert await facts.tree(ANN, HERS) == {"ab": 3, "a b": 4}
    assert [fact.predicate for fact in await versions(facts)] == ["a b", "ab"]
    assert (await facts.delete_path(ANN, HERS)).removed == 2
    assert await facts.tree(ANN, HERS, subject="other") == {"a": {"b": 1}}
    with pytest.raises(NotFound):
        await facts.delete_path(ANN, HERS, "a")


async def test_all_of_an_owner_is_deleted_and_nobody_elses(
    facts: FactStore, database: Database
) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon")
    await facts.put(BOB, HIS, "city", "Oslo")
    assert await database.write(ANN, lambda tx: stored.delete_owner(tx, HERS)) == 1
    assert await versions(facts) == []
    assert (await facts.get(BOB, HIS, "city")).value == "Oslo"


async def test_what_a_message_said_can_be_taken_back(facts: FactStore, database: Database) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(1, source_message_id="msg_1"))
    await facts.put(ANN, HERS, "city", "Lisbon", telling=since(3, source_message_id="msg_2"))
    await facts.put(ANN, HERS, "city", "Berlin", telling=since(5, source_message_id="msg_3"))
    await facts.put(ANN, HERS, "dog", "Rex", telling=since(5, source_memory_id="mem_3"))

    async def forget(*sources: str) -> int:
        return await database.write(ANN, lambda tx: stored.forget_sources(tx, HERS, list(sources)))

    cited = await database.read(ANN, lambda tx: stored.citing(tx, HERS, ["msg_2", "mem_3"]))
    assert {fact.predicate for fact in cited} == {"city", "dog"}
    assert await forget("msg_1") == 0
    assert await spans(facts, "city") == [("Lisbon", 3, 5), ("Berlin", 5, None)]
    assert await forget("msg_3", "mem_3") == 2
    assert await spans(facts, "city") == [("Lisbon", 3, None)]
    assert await facts.tree(ANN, HERS) == {"city": "Lisbon"}
    assert await forget("msg_2") == 1
    assert await versions(facts) == []


async def test_a_hundred_thousand_facts_are_loaded_in_seconds(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
    facts = FactStore(database)
    number = 20_000
    inputs = [
        FactInput(predicate=f"g{at % 97}.k{at}", value=at, valid_from=day(0))
        for at in range(number)
    ]
    before = time.process_time()
    assert (await facts.load(ANN, HERS, inputs)).added == number
    # A fifth of them in a fifth of the time, with room for a slow machine.
    assert time.process_time() - before < 6
    again = await facts.load(ANN, HERS, inputs[:2000])
    assert (again.added, again.ended, again.confirmed) == (0, 0, 2000)
    moved = [FactInput(predicate=one.predicate, value=-1, valid_from=day(1)) for one in inputs[:99]]
    assert (await facts.load(ANN, HERS, moved)).ended == 99
    tree = await facts.tree(ANN, HERS, path="g0")
    assert isinstance(tree, dict)
    assert tree["k0"] == -1
    assert len(tree) == len(range(0, number, 97))
    with pytest.raises(InvalidInput, match="more than 10 facts"):
        await facts.tree(ANN, HERS, most=10)
    await database.close()


async def test_many_facts_at_once_do_what_they_do_one_by_one(facts: FactStore) -> None:
    inputs = [
        FactInput(predicate=path, value=at % 3, valid_from=day(at % 11))
        for at, path in enumerate(["a.b", "a", "a.b.c", "d", "d e", "d.e"] * 20)
    ]
    for subject in ("together", "alone"):
        told = [fact.model_copy(update={"subject": subject}) for fact in inputs]
        told.sort(key=lambda fact: fact.predicate)
        if subject == "together":
            await facts.tell(ANN, HERS, told)
        else:
            for fact in told:
                await facts.tell(ANN, HERS, [fact])
    for number in range(11):
        one, other = [
            await facts.tree(ANN, HERS, subject=subject, as_of=day(number))
            for subject in ("together", "alone")
        ]
        assert one == other


async def test_nested_json_goes_in_and_comes_out(facts: FactStore) -> None:
    known = {
        "name": "Ana",
        "location": {"city": "Lisbon", "postal.code": "1100", "": {"x": None}},
        "tags": ["a", {"b": 1}],
        "empty": {},
    }
    await facts.merge(ANN, HERS, known)
    assert await facts.tree(ANN, HERS) == known
    assert await facts.tree(ANN, HERS, path="location") == known["location"]
    assert await facts.tree(ANN, HERS, path='location."postal.code"') == "1100"
    assert await facts.tree(ANN, HERS, path="tags") == ["a", {"b": 1}]
    await facts.merge(ANN, HERS, {"location": {"city": "Berlin"}, "empty": {"not": 1}})
    assert await facts.tree(ANN, HERS) == known | {
        "location": known["location"] | {"city": "Berlin"},
        "empty": {"not": 1},
    }
    await facts.merge(ANN, HERS, {"location": {}})
    assert (await facts.get(ANN, HERS, "location.city")).value == "Berlin"


async def test_a_whole_replaces_its_parts_and_a_part_its_whole(facts: FactStore) -> None:
    await facts.merge(ANN, HERS, {"location": {"city": "Lisbon"}}, telling=since(1))
    changed = await facts.put(ANN, HERS, "location", "at sea", telling=since(3))
    assert changed == FactsChanged(added=1, ended=1)
    await facts.put(ANN, HERS, "location.city", "Faro", telling=since(5))
    # A late part ends where the whole began.
    await facts.put(ANN, HERS, "location.zip", "1100", telling=since(2))
    assert [
        await facts.tree(ANN, HERS, path="location", as_of=day(number)) for number in (1, 2, 3, 5)
    ] == [{"city": "Lisbon"}, {"city": "Lisbon", "zip": "1100"}, "at sea", {"city": "Faro"}]
    await facts.put(ANN, HERS, "location", {"country": "Portugal"}, telling=since(7))
    assert await facts.tree(ANN, HERS) == {"location": {"country": "Portugal"}}


async def test_a_merge_patch_ends_what_it_sets_to_null(facts: FactStore) -> None:
    await facts.merge(
        ANN, HERS, {"a": {"b": 1, "c": 2}, "d": 3, "e": {"f": {"g": 1}}}, telling=since(1)
    )
    changed = await facts.patch(
        ANN, HERS, {"a": {"b": None}, "d": {"x": 1}, "e": {"f": None}}, telling=since(2)
    )
    assert await facts.tree(ANN, HERS) == {"a": {"c": 2}, "d": {"x": 1}, "e": {}}
    assert changed.ended == 3
    assert await spans(facts, "a.b") == [(1, 1, 2)]
    await facts.patch(ANN, HERS, {"c": None}, path="a", telling=since(3))
    assert await facts.tree(ANN, HERS, path="a") == {}
    await facts.patch(ANN, HERS, {"d": None, "e": None, "a": None, "none": None})
    assert await facts.tree(ANN, HERS) == {}
    assert await facts.tree(ANN, HERS, as_of=day(1)) == {
        "a": {"b": 1, "c": 2},
        "d": 3,
        "e": {"f": {"g": 1}},
    }


async def test_a_date_without_a_zone_is_taken_as_utc_and_that_is_said(facts: FactStore) -> None:
    changed = await facts.put(
        ANN, HERS, "city", "Lisbon", telling=Telling(valid_from="2026-03-01T08:00")
    )
    assert changed.notes == ["2026-03-01T08:00 names no zone and was taken as UTC."]
    fact = await facts.get(ANN, HERS, "city")
    assert fact.valid_from == datetime(2026, 3, 1, 8, tzinfo=UTC)
    plain = Telling(valid_from=date(2026, 4, 1))
    assert (await facts.put(ANN, HERS, "city", "Rome", telling=plain)).notes
    zoned = Telling(valid_from="2026-05-01T00:00:00+02:00")
    assert (await facts.put(ANN, HERS, "city", "Oslo", telling=zoned)).notes == []
    far = Telling(valid_from="0001-01-01", valid_to="9999-12-31T23:59:59.999999")
    await facts.put(ANN, HERS, "ever", 1, telling=far)
    [ever] = await versions(facts, "ever")
    assert ever.valid_to == datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)


async def test_what_is_no_date_is_refused(facts: FactStore) -> None:
    for when in ("yesterday", "", "2026-13-01", "9999-12-31T23:59:59-10:00"):
        with pytest.raises(InvalidInput, match="is no date"):
            await facts.put(ANN, HERS, "city", "Lisbon", telling=Telling(valid_from=when))


async def test_what_cannot_be_a_fact_is_refused_in_words(facts: FactStore) -> None:
    cyclic: dict[str, object] = {}
    cyclic["self"] = [cyclic]
    deep: object = 1
    for _ in range(10_000):
        deep = {"a": deep}
    refused: list[tuple[str, object]] = [
        ("contains itself", cyclic),
        ("nested deeper", deep),
        ("too long", "x" * 5_000_000),
        ("no form for numbers", float("nan")),
        ("is no JSON", date(2026, 1, 1)),
        ("keys of an object", {1: 2}),
        ("half of a character", "\ud800"),
        ("longer than", {"k" * 2000: 1}),
    ]
    for words, value in refused:
        with pytest.raises(InvalidInput, match=words):
            await facts.merge(ANN, HERS, {"value": value})  # pyright: ignore[reportArgumentType] -- on purpose
    for path in ("a..b", ".", '"open', 'a"b', "a.", "\ud800"):
        with pytest.raises(InvalidInput):
            await facts.put(ANN, HERS, path, 1)
    for subject in ("", "a\nb", "s" * 600):
        with pytest.raises(InvalidInput):
            await facts.put(ANN, HERS, "a", 1, subject=subject)
    for owner in ("", "user:", "ann", "user:\0"):
        with pytest.raises(InvalidInput):
            await facts.put(ANN, owner, "a", 1)
    with pytest.raises(InvalidInput):
        await facts.put(ANN, HERS, "", 1)
    with pytest.raises(InvalidInput):
        await facts.put(ANN, HERS, "a", 1, telling=Telling(confidence=2))
    assert await facts.tree(ANN, HERS) == {}


async def test_use_is_counted(facts: FactStore) -> None:
    await facts.put(ANN, HERS, "city", "Lisbon")
    fact = await facts.get(ANN, HERS, "city")
    await facts.used(ANN, HERS, [fact], day(1))
    await facts.used(ANN, HERS, [fact], day(2))
    fact = await facts.get(ANN, HERS, "city")
    assert (fact.uses, fact.used_at) == (2, day(2))


async def test_a_cursor_of_something_else_is_refused(facts: FactStore) -> None:
    with pytest.raises(InvalidInput):
        await facts.page(ANN, HERS, cursor="bogus")
    with pytest.raises(InvalidInput):
        await facts.history(ANN, HERS, cursor="YQpiCmMKZAplCg")
