"""Turns and notes become memories: once, with their windows, and nothing that tells nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from support.memories import remember_turns

from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.memories import Memory
from muxi.memory.finding import Finder
from muxi.memory.rows import memory_of
from muxi.memory.writing import LONGEST_NOTE, LONGEST_TURN, put_down
from muxi.retrieval.search import Searcher
from muxi.storage import passages
from muxi.storage.database import Database, Scope, open_database

ANA = Scope("default", "ana")
OWNER = "user:ana"
START = datetime(2024, 5, 7, 9, tzinfo=UTC)


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = await open_database("sqlite://")
    yield opened
    await opened.close()


def turn(number: int, text: str, *, speaker: str = "ana", thread: str = "thr_1") -> Memory:
    return Memory(
        id=f"mem_{thread}_{number}",
        owner="",
        text=text,
        speaker=speaker,
        role="user" if speaker == "ana" else "assistant",
        said_at=START + timedelta(minutes=number),
        thread_id=thread,
        message_id=f"msg_{thread}_{number}",
    )


async def texts(database: Database, owner: str = OWNER) -> list[str]:
    page = await database.read(ANA, lambda tx: passages.page(tx, owner, corpus="memory"))
    return [row.text for row in reversed(page.items)]


async def test_a_turn_is_stored_once_however_often_it_comes(database: Database) -> None:
    said = [turn(1, "I live in Lisbon"), turn(2, "My dog is called Rex")]
    first = await remember_turns(database, ANA, OWNER, said)
    again = await remember_turns(database, ANA, OWNER, said)
    assert [memory.text for memory in first] == ["I live in Lisbon", "My dog is called Rex"]
    assert again == []
    assert await texts(database) == ["I live in Lisbon", "My dog is called Rex"]


async def test_small_talk_and_repetitions_are_context_and_no_memories(database: Database) -> None:
    said = [turn(1, "Hi!"), turn(2, "I live in Lisbon"), turn(3, "  i live in LISBON. ")]
    stored = await remember_turns(database, ANA, OWNER, said)
    assert [memory.text for memory in stored] == ["I live in Lisbon"]
    assert await texts(database) == ["I live in Lisbon"]
    rows = await database.read(ANA, lambda tx: passages.group(tx, OWNER, "thr_1"))
    assert [row.kind for row in rows] == ["context", "turn", "context"]


async def test_the_same_words_a_long_time_later_say_that_it_is_still_so(
    database: Database,
) -> None:
    later = turn(9, "I live in Lisbon", thread="thr_2")
    later.said_at = START + timedelta(days=200)
    await remember_turns(database, ANA, OWNER, [turn(1, "I live in Lisbon"), later])
    assert await texts(database) == ["I live in Lisbon", "I live in Lisbon"]


async def test_the_same_words_of_another_speaker_are_another_memory(database: Database) -> None:
    said = [turn(1, "I am a vegetarian"), turn(2, "I am a vegetarian", speaker="bob")]
    assert len(await remember_turns(database, ANA, OWNER, said)) == 2


async def test_a_turn_is_found_by_the_words_of_its_neighbours(database: Database) -> None:
    await remember_turns(database, ANA, OWNER, [turn(1, "Which town was it?"), turn(2, "Lisbon")])
    # The answer comes in another step of the worker, and belongs into the window before it too.
    await remember_turns(database, ANA, OWNER, [turn(3, "because of the fado")])
    finder = Finder(database=database, searcher=Searcher(database))
    for asked, wanted in (("town", "Lisbon"), ("fado", "Lisbon")):
        found = await finder.find(ANA, [OWNER], asked)
        assert wanted in [item.memory.text for item in found.items], asked


async def test_a_memory_comes_back_as_it_was_stored(database: Database) -> None:
    memory = turn(1, "I live in Lisbon")
    memory.metadata = {"mood": ["good", 1, None]}
    memory.run_id, memory.agent = "run_1", "a"
    (stored,) = await remember_turns(database, ANA, OWNER, [memory])
    rows = await database.read(ANA, lambda tx: passages.get(tx, [OWNER], [memory.id]))
    assert memory_of(rows[0]) == stored
    assert stored.owner == OWNER
    assert stored.information > 0


@pytest.mark.parametrize("text", ["", " \n\t", "\0"])
async def test_a_turn_without_words_is_passed_over_and_such_a_note_refused(
    database: Database, text: str
) -> None:
    assert await remember_turns(database, ANA, OWNER, [turn(1, text)]) == []
    note = Memory(owner=OWNER, kind="note", text=text)
    with pytest.raises(InvalidInput):
        await database.write(ANA, lambda tx: put_down(tx, OWNER, note))


async def test_a_turn_of_five_megabytes_is_remembered_by_its_beginning(database: Database) -> None:
    long = "Lisbon is where I live. " * 220_000
    (stored,) = await remember_turns(database, ANA, OWNER, [turn(1, long)])
    assert len(stored.text) == LONGEST_TURN
    assert stored.metadata["cut_from"] == len(long.strip())
    note = Memory(owner=OWNER, kind="note", text="x" * (LONGEST_NOTE + 1))
    with pytest.raises(InvalidInput):
        await database.write(ANA, lambda tx: put_down(tx, OWNER, note))


async def test_a_note_that_says_what_another_says_is_that_one(database: Database) -> None:
    def note(text: str) -> Memory:
        return Memory(owner=OWNER, kind="note", text=text, said_at=START)

    first = await database.write(ANA, lambda tx: put_down(tx, OWNER, note("Likes tea.")))
    again = await database.write(ANA, lambda tx: put_down(tx, OWNER, note("likes  TEA")))
    assert again.id == first.id
    assert await texts(database) == ["Likes tea."]


async def test_nobody_writes_into_the_memory_of_another_user(database: Database) -> None:
    with pytest.raises(AccessDenied):
        await remember_turns(database, ANA, "user:bob", [turn(1, "I live in Lisbon")])
    for owner in ("", "user:", "ana", "nobody:x"):
        with pytest.raises(InvalidInput):
            await remember_turns(database, ANA, owner, [turn(1, "I live in Lisbon")])


@pytest.mark.parametrize("text", ["\ud800 half", "\u202eאב\u0301", "𓀀 𝔄", "a" * 5_000, "'; DROP--"])
async def test_any_unicode_is_remembered(database: Database, text: str) -> None:
    (stored,) = await remember_turns(database, ANA, OWNER, [turn(1, text)])
    assert await texts(database) == [stored.text]


async def test_appending_to_a_long_thread_reads_only_its_end(database: Database) -> None:
    words = [f"Number {number} is about subject {number * 7}" for number in range(400)]
    said = [turn(number, text) for number, text in enumerate(words)]
    await remember_turns(database, ANA, OWNER, said)
    await remember_turns(database, ANA, OWNER, [turn(400, "The last one is about fado")])
    rows = await database.read(ANA, lambda tx: passages.last(tx, OWNER, "thr_1", limit=2))
    assert [row.place for row in rows] == [399, 400]
