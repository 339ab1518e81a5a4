"""What tells least goes first, nothing goes for its age alone, and a dry run touches nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from muxi.config.memory_settings import RetentionDays, RetentionSettings
from muxi.core.events import RunCompleted, RunStarted, TextDelta
from muxi.core.forgetting import RetentionReport
from muxi.core.memories import Memory
from muxi.core.threads import Run, Thread
from muxi.core.usage import Usage
from muxi.memory.facts import FactStore, Telling
from muxi.memory.retention import Retention
from muxi.memory.writing import put_down, remember
from muxi.storage import events, passages, runs, threads
from muxi.storage.database import Database, Scope, open_database
from muxi.storage.transaction import Tx

ANN = Scope("default", "ann")
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(f"sqlite:///{tmp_path / 'muxi.db'}")
    yield database
    await database.close()


def said(tx: Tx, texts: list[str], *, days_ago: int = 0, agent: str = "a") -> None:
    turns = [
        Memory(
            owner="user:ann",
            text=text,
            speaker="ann",
            role="user",
            said_at=NOW - timedelta(days=days_ago, minutes=-number),
            thread_id=f"thr_{agent}",
            agent=agent,
        )
        for number, text in enumerate(texts)
    ]
    remember(tx, "user:ann", turns)


async def kept(database: Database) -> set[str]:
    page = await database.read(
        ANN, partial(passages.page, owner="user:ann", corpus="memory", limit=100)
    )
    return {row.text for row in page.items}


async def pruned(
    database: Database, *, dry_run: bool = False, **settings: object
) -> RetentionReport:
    retention = Retention(
        database=database,
        settings=RetentionSettings.model_validate(settings),
        holder="p",
        clock=NOW.timestamp,
    )
    return await retention.run("default", dry_run=dry_run)


TELLING = [
    "My daughter Ingeborg was born on 14 March 2019 in Stavanger",
    "The warehouse in Gdansk stores 4,200 crates of machine parts",
    "Our contract with Helvetia Logistics ends in November",
]
IDLE = ["What do you think of it?", "Could you say more about it?", "Is it so?"]


async def test_what_tells_least_goes_first_whatever_its_age(database: Database) -> None:
    await database.write(ANN, partial(said, texts=TELLING, days_ago=400))
    await database.write(ANN, partial(said, texts=IDLE, agent="b"))
    report = await pruned(database, memories=4)
    assert set(TELLING) <= await kept(database)
    assert {item.rule for item in report.items} == {"budget"}
    assert report.items[0].rows >= 2


async def test_a_dry_run_says_the_same_and_touches_nothing(database: Database) -> None:
    await database.write(ANN, partial(said, texts=[*TELLING, *IDLE]))
    before = await kept(database)
    dry = await pruned(database, dry_run=True, memories=3)
    assert await kept(database) == before
    wet = await pruned(database, memories=3)
    assert [item.examples for item in dry.items] == [item.examples for item in wet.items]
    assert len(await kept(database)) < len(before)


async def test_within_its_bounds_nothing_goes(database: Database) -> None:
    await database.write(ANN, partial(said, texts=[*TELLING, *IDLE], days_ago=4000))
    before = await kept(database)
    assert (await pruned(database)).items == []
    assert await kept(database) == before


async def test_a_note_outlasts_what_was_merely_said(database: Database) -> None:
    note = Memory(owner="user:ann", kind="note", text="tea")
    await database.write(ANN, partial(put_down, owner="user:ann", note=note))
    await database.write(ANN, partial(said, texts=TELLING))
    await pruned(database, memories=1)
    assert "tea" in await kept(database)


async def test_a_bound_in_bytes_is_kept(database: Database) -> None:
    await database.write(ANN, partial(said, texts=[*TELLING, *IDLE]))
    await pruned(database, bytes=130)
    _, size = await database.read(ANN, partial(passages.count, owner="user:ann", corpus="memory"))
    assert 0 < size <= 130


async def test_the_same_in_other_order_within_a_month_is_one(database: Database) -> None:
    texts = ["The parcel from Utrecht arrived", "From Utrecht the parcel arrived!"]
    await database.write(ANN, partial(said, texts=texts[:1], days_ago=80))
    await database.write(ANN, partial(said, texts=texts[1:], days_ago=70, agent="b"))
    await database.write(ANN, partial(said, texts=["Arrived: the parcel from Utrecht"]))
    report = await pruned(database)
    assert [(item.rule, item.rows) for item in report.items] == [("same", 1)]
    assert await kept(database) == {texts[0], "Arrived: the parcel from Utrecht"}


async def test_age_counts_where_the_project_says_so_and_for_the_agent_it_names(
    database: Database,
) -> None:
    await database.write(ANN, partial(said, texts=TELLING[:1], days_ago=40, agent="short"))
    await database.write(ANN, partial(said, texts=TELLING[1:2], days_ago=40, agent="long"))
    await pruned(database, agents={"short": RetentionDays(turn_days=30)})
    assert await kept(database) == {TELLING[1]}
    await pruned(database, tenants={"default": {"turn_days": 30}})
    assert await kept(database) == set()


async def moves(database: Database, *cities: str) -> None:
    """She moves once a month; the last move is a month ago."""
    told = FactStore(database)
    for number, city in enumerate(cities):
        since = NOW - timedelta(days=30 * (len(cities) - number))
        await told.put(ANN, "user:ann", "city", city, telling=Telling(valid_from=since))


async def cities(database: Database) -> list[object]:
    page = await FactStore(database).history(ANN, "user:ann", subject="user", path="city")
    return [fact.value for fact in page.items]


async def test_of_facts_that_hold_no_longer_the_first_that_ended_go_first(database: Database):
    await moves(database, "Lisbon", "Oslo", "Rome", "Paris")
    dry = await pruned(database, past_facts=1, dry_run=True)
    report = await pruned(database, past_facts=1)
    assert [(item.rule, item.rows) for item in dry.items] == [("past facts: budget", 2)]
    assert report.items[0].examples == dry.items[0].examples
    assert await cities(database) == ["Rome", "Paris"]
    told = FactStore(database)
    then = NOW - timedelta(days=45)
    assert (await told.get(ANN, "user:ann", "city", as_of=then)).value == "Rome"
    assert (await told.get(ANN, "user:ann", "city")).value == "Paris"


async def test_facts_that_ended_long_ago_go_where_the_project_says_so(database: Database):
    await moves(database, "Lisbon", "Oslo", "Rome", "Paris")
    await pruned(database)
    assert await cities(database) == ["Lisbon", "Oslo", "Rome", "Paris"]
    await pruned(database, past_fact_days=50)
    assert await cities(database) == ["Rome", "Paris"]


async def test_what_follows_a_pruned_fact_can_still_be_corrected(database: Database):
    await moves(database, "Lisbon", "Oslo", "Rome", "Paris")
    await pruned(database, past_facts=1)
    told = FactStore(database)
    earlier = Telling(valid_from=NOW - timedelta(days=100))
    await told.put(ANN, "user:ann", "city", "Bern", telling=earlier)
    assert await cities(database) == ["Bern", "Rome", "Paris"]
    assert (await told.get(ANN, "user:ann", "city")).value == "Paris"


async def test_old_runs_lose_the_pieces_of_their_texts_and_say_so(database: Database) -> None:
    thread, old, new = await database.write(ANN, old_and_new_run)
    dry = await pruned(database, dry_run=True)
    assert [(item.rule, item.rows) for item in dry.items] == [("runs to be thinned", 1)]
    for _ in range(2):
        await pruned(database)
        told = {
            run: [
                each.type
                for each in await database.read(
                    ANN, partial(events.read, thread_id=thread, run_id=run)
                )
            ]
            for run in (old, new)
        }
        assert told[old] == ["run.started", "gap", "run.completed"]
        assert told[new] == ["run.started", "text.delta", "text.delta", "run.completed"]


def old_and_new_run(tx: Tx) -> tuple[str, str, str]:
    thread = threads.create(tx, Thread())
    ids: list[str] = []
    for number, days in enumerate((31, 1)):
        ended = NOW - timedelta(days=days)
        run = Run(thread_id=thread.id, agent="a", status="completed", finished_at=ended)
        runs.create(tx, run)
        first = 4 * number + 1
        begun = RunStarted(thread_id=thread.id, agent="a", run_id=run.id, seq=first)
        chunk = events.Chunk(begun, created_at=1)
        chunk.add(begun)
        for piece in (1, 2):
            chunk.add(TextDelta(run_id=run.id, seq=first + piece, index=0, text="so"))
        chunk.add(RunCompleted(run_id=run.id, seq=first + 3, status="completed", usage=Usage()))
        own = {"thread_id": thread.id, "root_run_id": run.id, "parent_run_id": None, "attempt": 1}
        events.insert(tx, [{**own, **chunk.row()}])
        ids.append(run.id)
    return thread.id, ids[0], ids[1]
