"""A memory goes out as lines and comes in as it was; so do those of mem0 and Letta."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.facts import Fact
from muxi.core.memories import Memory
from muxi.memory.rows import memory_of
from muxi.memory.transfer import Importer, export
from muxi.memory.writing import put_down, remember
from muxi.storage import facts, passages
from muxi.storage.database import Database, Scope, open_database
from muxi.storage.facts import Statement
from muxi.storage.transaction import Tx

ANN, BOB = Scope("default", "ann"), Scope("default", "bob")
START = datetime(2026, 2, 3, 10, tzinfo=UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = await open_database(f"sqlite:///{tmp_path / 'muxi.db'}")
    yield database
    await database.close()


def fill(tx: Tx) -> None:
    turns = [
        Memory(
            owner="user:ann",
            text=text,
            speaker="ann",
            role="user",
            said_at=START + timedelta(minutes=number),
            thread_id="thr_1",
        )
        for number, text in enumerate(["I keep bees in Bergen", "hi", "The bees swarm in May"])
    ]
    remember(tx, "user:ann", turns)
    put_down(tx, "user:ann", Memory(owner="user:ann", kind="note", text="Allergic to peanuts"))
    day = 86_400_000_000
    cities = [("Oslo", 0), ("Bergen", 10), ("Bergen", 20)]
    facts.put(
        tx,
        "user:ann",
        [
            Statement(subject="user", predicate="city", value=json.dumps(city), at=at * day)
            for city, at in cities
        ],
    )


async def lines_of(database: Database, who: Scope, owner: str) -> list[str]:
    return [line async for line in export(database, who, owner)]


async def memories(database: Database, who: Scope, owner: str) -> list[Memory]:
    page = await database.read(who, partial(passages.page, owner=owner, corpus="memory", limit=100))
    return [memory_of(row) for row in page.items]


async def versions(database: Database, who: Scope, owner: str) -> list[Fact]:
    return list((await database.read(who, partial(facts.history, owner=owner))).items)


def told(fact: Fact) -> tuple[Any, ...]:
    return fact.predicate, fact.value, fact.valid_from, fact.valid_to, fact.confirmations


async def test_what_went_out_comes_in_again_elsewhere_as_it_was(
    database: Database, tmp_path: Path
) -> None:
    await database.write(ANN, fill)
    lines = await lines_of(database, ANN, "user:ann")
    other = await open_database(f"sqlite:///{tmp_path / 'other.db'}")
    try:
        done = await Importer(database=other, who=ANN, owner="user:ann").take(lines)
        assert done.added["memories"] == 3
        assert done.skipped == 0
        ours, theirs = [
            {
                each.id: (each.text, each.said_at, each.speaker, each.kind, each.thread_id)
                for each in await memories(one, ANN, "user:ann")
            }
            for one in (database, other)
        ]
        assert ours == theirs
        before, after = [
            list(map(told, await versions(one, ANN, "user:ann"))) for one in (database, other)
        ]
        assert before == after

        again = await Importer(database=other, who=ANN, owner="user:ann").take(lines)
        assert again.added == {}
        assert again.known == done.known + sum(done.added.values())
    finally:
        await other.close()


async def test_a_memory_goes_over_to_another_user_under_ids_of_its_own(
    database: Database,
) -> None:
    await database.write(ANN, fill)
    lines = await lines_of(database, ANN, "user:ann")
    for _ in range(2):
        await Importer(database=database, who=BOB, owner="user:bob").take(lines)
        mine = await memories(database, ANN, "user:ann")
        his = await memories(database, BOB, "user:bob")
        assert sorted(each.text for each in mine) == sorted(each.text for each in his)
        assert not {each.id for each in mine} & {each.id for each in his}
    with pytest.raises(AccessDenied):
        await lines_of(database, BOB, "user:ann")
    with pytest.raises(AccessDenied):
        await Importer(database=database, who=BOB, owner="user:ann").take(lines)


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '"x"',
        '{"type":"other"}',
        '{"type":"memory"}',
        '{"type":"memory","kind":"note","text":""}',
        '{"type":"muxi.memory","version":99}',
        '{"type":"fact","predicate":"a","value":1}',
        "[" * 100_000,
        '{"type":"piece"}',
    ],
)
async def test_a_bad_line_is_named_and_the_others_are_taken_in(
    database: Database, line: str
) -> None:
    good = json.dumps({"type": "memory", "kind": "note", "text": "Born in Turku"})
    importer = Importer(database=database, who=ANN, owner="user:ann", first_line=5)
    done = await importer.take(["", line, good])
    assert done.added == {"memories": 1}
    assert done.skipped == 1
    assert "6" in done.notes[0]


async def test_memories_of_mem0_become_notes(database: Database) -> None:
    exported = {
        "results": [
            {
                "id": "m-1",
                "memory": "Prefers tea over coffee",
                "hash": "ab",
                "metadata": {"category": "drink"},
                "created_at": "2025-03-04T05:06:07.000000-08:00",
                "updated_at": None,
                "user_id": "ann",
            },
            {"id": "m-2", "memory": ""},
        ]
    }
    spellings = [
        json.dumps(exported, indent=1),
        json.dumps(exported["results"]),
        "\n".join(map(json.dumps, exported["results"])),
    ]
    for text in spellings:
        importer = Importer(database=database, who=ANN, owner="user:ann")
        done = await importer.take(text.split("\n"), "mem0")
        assert done.skipped == 1
    (tea,) = await memories(database, ANN, "user:ann")
    assert tea.text == "Prefers tea over coffee"
    assert tea.said_at == datetime(2025, 3, 4, 13, 6, 7, tzinfo=UTC)
    assert tea.metadata["metadata"] == {"category": "drink"}
    assert tea.source == "import"


def agent_file() -> dict[str, Any]:
    """An agent file as the present Letta writes it, as far as memory goes."""

    def message(number: int, role: str, **fields: Any) -> dict[str, Any]:
        at = f"2025-06-01T12:0{number}:00+00:00"
        return {"type": "message", "id": f"message-{number}", "role": role, "created_at": at} | (
            fields
        )

    def text(said: str) -> list[dict[str, Any]]:
        return [{"type": "text", "text": said, "signature": None}]

    envelope = json.dumps({"type": "user_message", "message": "I sail at weekends", "time": "x"})
    beat = json.dumps({"type": "heartbeat", "message": "tick", "time": "x"})
    call = {
        "id": "c",
        "type": "function",
        "function": {"name": "send_message", "arguments": json.dumps({"message": "Fair winds!"})},
    }
    messages = [
        message(0, "system", content=text("You are Sam.")),
        message(1, "user", content=text(envelope)),
        message(2, "user", content=text(beat)),
        message(3, "assistant", content=text("thoughts"), tool_calls=[call]),
        message(4, "tool", content=text("ok"), tool_call_id="c"),
        message(5, "user", content=text("My boat is called Ondine")),
        message(6, "assistant", content=text("A fine name for a boat")),
    ]
    return {
        "agents": [{"id": "agent-0", "name": "Sam", "messages": messages, "block_ids": ["b"]}],
        "blocks": [{"id": "b", "label": "human", "value": "Name: Chad\nStudies: seamanship"}],
    }


async def test_an_agent_file_of_letta_becomes_notes_and_turns(database: Database) -> None:
    present = agent_file()
    first = {
        **present["agents"][0],
        "core_memory": present["blocks"],
        "agent_type": "memgpt_agent",
    }
    for file in (present, first):
        importer = Importer(database=database, who=ANN, owner="user:ann")
        done = await importer.take(json.dumps(file, indent=2).split("\n"), "letta")
        assert done.skipped == 0
    found = await memories(database, ANN, "user:ann")
    assert len(found) == 5
    assert {(each.kind, each.speaker, each.text) for each in found} == {
        ("note", None, "Name: Chad\nStudies: seamanship"),
        ("turn", "ann", "I sail at weekends"),
        ("turn", "Sam", "Fair winds!"),
        ("turn", "ann", "My boat is called Ondine"),
        ("turn", "Sam", "A fine name for a boat"),
    }


@pytest.mark.parametrize("format", ["mem0", "letta"])
@pytest.mark.parametrize("text", ["", "{", "[1", '"x"', "{}", "null"])
async def test_what_is_no_export_is_refused(database: Database, format: Any, text: str) -> None:
    with pytest.raises(InvalidInput):
        await Importer(database=database, who=ANN, owner="user:ann").take([text], format)
