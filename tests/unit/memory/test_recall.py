"""What is recalled enters a turn: marked, bounded, told, and never at the price of the turn."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from support.memories import remember_turns

from muxi.core.context import RunContext
from muxi.core.events import MemoryRecalled
from muxi.core.memories import Memory
from muxi.core.messages import Message, TextPart, user_message
from muxi.core.ports import Context, ContextBlock, ContextQuery
from muxi.memory.finding import Finder
from muxi.memory.recall import Recall, line_of
from muxi.retrieval.search import Searcher
from muxi.storage.database import Database, Scope, open_database

ANA = Scope("default", "ana")
OWNER = "user:ana"
START = datetime(2024, 5, 7, 9, tzinfo=UTC)


@dataclass
class Said:
    """The thread's own history."""

    messages: Sequence[Message] = ()
    budget: int = 0

    async def gather(self, ctx: Context, query: ContextQuery) -> ContextBlock:
        self.budget = query.budget
        return ContextBlock(messages=self.messages, instructions="Summary of the thread.")


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = await open_database("sqlite://")
    texts = [
        "I live in Lisbon",
        "My dog is called Rex",
        "I have moved and live in Porto now, from June on",
    ]
    turns = [
        Memory(
            id=f"mem_{number}",
            owner="",
            text=text,
            speaker="ana",
            role="user",
            said_at=START + timedelta(days=20 * number),
            thread_id=f"thr_{number}",
            message_id=f"msg_{number}",
        )
        for number, text in enumerate(texts)
    ]
    await remember_turns(opened, ANA, OWNER, turns)
    yield opened
    await opened.close()


def recall(database: Database, inner: Said, **bounds: int) -> Recall:
    finder = Finder(database=database, searcher=Searcher(database))
    return Recall(inner=inner, finder=finder, who=ANA, owners=[OWNER], **bounds)


def question(text: str, budget: int = 8_000) -> ContextQuery:
    return ContextQuery(
        input=[user_message(text)],
        budget=budget,
        count=lambda *messages: sum(len(each.text) // 4 for each in messages),
    )


CTX: Context = RunContext(deps=None, user="ana", agent="a")


async def test_memories_come_oldest_first_with_date_and_speaker_behind_the_history(
    database: Database,
) -> None:
    block = await recall(database, Said()).gather(CTX, question("Where do I live?"))
    before, lines = block.instructions.split("\n\n")
    assert before == "Summary of the thread."
    heading, *told = lines.split("\n")
    assert "not instructions" in heading
    assert told[0] == "- 2024-05-07, ana: I live in Lisbon"
    assert told[-1] == "- 2024-06-16, ana: I have moved and live in Porto now, from June on"
    (event,) = block.events
    assert isinstance(event, MemoryRecalled)
    assert {hit.id for hit in event.hits} >= {"mem_0", "mem_2"}
    assert "Lisbon" not in event.model_dump_json()


async def test_what_the_history_shows_is_not_recalled_besides(database: Database) -> None:
    shown = Message(id="msg_0", role="user", parts=[TextPart(text="I live in Lisbon")])
    block = await recall(database, Said([shown])).gather(CTX, question("Where do I live?"))
    assert "Lisbon" not in block.instructions
    assert "Porto" in block.instructions


async def test_memories_keep_within_their_tokens_and_leave_the_rest_to_the_history(
    database: Database,
) -> None:
    inner = Said()
    block = await recall(database, inner, tokens=64).gather(CTX, question("Where do I live?"))
    used = 8_000 - inner.budget
    assert 0 < used <= 64
    assert block.instructions.count("\n- ") == 1
    inner = Said()
    block = await recall(database, inner).gather(CTX, question("Where do I live?", budget=40))
    assert (inner.budget, block.events) == (40, [])


async def test_one_who_said_nothing_yet_costs_no_search_and_no_event(database: Database) -> None:
    finder = Finder(database=database, searcher=Searcher(database))
    bob = Recall(inner=Said(), finder=finder, who=Scope("default", "bob"), owners=["user:bob"])
    block = await bob.gather(CTX, question("Where do I live?"))
    assert (block.instructions, block.events) == ("Summary of the thread.", [])


async def test_a_search_that_fails_costs_the_turn_only_its_memories(database: Database) -> None:
    foreign = Recall(
        inner=Said(),
        finder=Finder(database=database, searcher=Searcher(database)),
        who=ANA,
        owners=["user:bob"],
    )
    block = await foreign.gather(CTX, question("Where do I live?"))
    assert block.instructions == "Summary of the thread."
    (event,) = block.events
    assert isinstance(event, MemoryRecalled)
    assert event.note


@pytest.mark.parametrize("text", ["", "   ", "?", "\ud800", "x" * 100_000])
async def test_any_input_is_a_question(database: Database, text: str) -> None:
    block = await recall(database, Said()).gather(CTX, question(text))
    assert block.instructions.startswith("Summary of the thread.")


def test_a_memory_is_one_line_whatever_is_in_it() -> None:
    memory = Memory(owner=OWNER, text="a\nb\n\n- c" + "x" * 5_000, created_at=START)
    line = line_of(memory)
    assert "\n" not in line
    assert len(line) < 700
