"""Threads that no longer fit are summarised, beside whatever else happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from muxi.config.memory_settings import CompactionSettings
from muxi.core.alone import OpenLedger
from muxi.core.context import RunContext
from muxi.core.errors import ModelUnavailable, StorageError
from muxi.core.events import HistoryCompacted
from muxi.core.messages import (
    ImagePart,
    Message,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from muxi.core.ports import ContextBlock, ContextQuery, Count
from muxi.core.summaries import Summary
from muxi.core.threads import Thread
from muxi.memory.compaction import Compactor, Job
from muxi.memory.history import History, HistoryCache
from muxi.memory.overlay import SUMMARY
from muxi.models.model import Model
from muxi.models.scripted import ScriptedModel
from muxi.models.tokens import TokenEstimate
from muxi.storage import messages as stored
from muxi.storage import summaries, threads
from muxi.storage.database import Database, Scope, Tx, open_database

WHO = Scope("default", "local")


@dataclass
class Talk:
    """A thread, and what a process does when a run begins and ends in it."""

    database: Database
    settings: CompactionSettings = field(default_factory=CompactionSettings)
    budget: int = 1_000
    model: Callable[[str], Any] | None = None
    thread: Thread = field(default_factory=Thread)
    leaf: str | None = None
    count: Count = field(default_factory=lambda: TokenEstimate().count)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything that was in memory, as another process would."""
        self.cache = HistoryCache(self.database)
        self.compactor = Compactor(
            database=self.database, cache=self.cache, ledger=OpenLedger(), model=self.model
        )

    async def begin(self) -> None:
        await self.database.write(WHO, partial(threads.create, thread=self.thread))

    async def ask(self, parent: str | None = None) -> tuple[History, ContextBlock]:
        """What a run that answers `parent`, by default the leaf, is given."""
        asked = user_message("And now?")
        asked.parent_id = parent or self.leaf
        history = History(WHO, self.cache, self.settings)
        ctx = RunContext(deps=None, thread_id=self.thread.id)
        query = ContextQuery(input=[asked], budget=self.budget, count=self.count)
        block = await history.gather(ctx, query)
        assert sum(map(self.count, block.messages)) <= self.budget
        return history, block

    async def say(self, *said: Message, parent: str | None = None) -> ContextBlock:
        """A run that adds `said`, and whatever follows from its end."""
        block, job = await self.run(*said, parent=parent)
        if job is not None:
            self.compactor.soon(job)
            await self.compactor.idle()
        return block

    async def run(
        self, *said: Message, parent: str | None = None
    ) -> tuple[ContextBlock, Job | None]:
        history, block = await self.ask(parent)
        before = parent or self.leaf
        await self.database.write(WHO, partial(self._store, said=said, parent=before))
        self.cache.extend(WHO, before, said)
        self.leaf = said[-1].id
        if history.room is None or not history.is_crowded(said):
            return block, None
        job = Job(
            who=WHO,
            thread_id=self.thread.id,
            leaf_id=self.leaf,
            room=history.room,
            settings=self.settings,
        )
        return block, job

    def _store(self, tx: Tx, said: Sequence[Message], parent: str | None) -> None:
        for message in said:
            message.thread_id, message.parent_id = self.thread.id, parent
            stored.insert(tx, message)
            parent = message.id

    async def summaries(self) -> list[Summary]:
        read = partial(summaries.of_thread, thread_id=self.thread.id)
        return await self.database.read(WHO, read)

    async def path(self, leaf: str | None = None) -> list[Message]:
        read = partial(stored.path_to_leaf, thread_id=self.thread.id, leaf_id=leaf or self.leaf)
        return await self.database.read(WHO, read)


def exchange(number: int, words: str = "") -> list[Message]:
    fact = f"Parcel {number} weighs {number * 37 % 900} grams and goes to Oslo. {words}"
    answer = Message(role="assistant", parts=[TextPart(text=f"Parcel {number} is noted.")])
    return [user_message(fact), answer]


def tool_turn(number: int, result: str = "found") -> list[Message]:
    call = ToolCallPart(id=f"c{number}", name="look", arguments={"n": number})
    given = ToolResultPart(call_id=f"c{number}", name="look", content=[TextPart(text=result)])
    return [Message(role="assistant", parts=[call]), Message(role="tool", parts=[given])]


def overlay_of(block: ContextBlock) -> Message | None:
    marked = [message for message in block.messages if SUMMARY in message.metadata]
    assert marked == list(block.messages[: len(marked)])
    assert len(marked) <= 1
    return marked[0] if marked else None


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = await open_database("sqlite://")
    yield opened
    await opened.close()


@pytest.fixture
async def talk(database: Database) -> Talk:
    talk = Talk(database)
    await talk.begin()
    return talk


async def grow(talk: Talk, turns: int, start: int = 0) -> list[ContextBlock]:
    return [await talk.say(*exchange(number)) for number in range(start, start + turns)]


@pytest.mark.parametrize("strategy", ["summary", "hierarchical"])
async def test_what_no_longer_fits_is_summarised_and_stays(talk: Talk, strategy: Any) -> None:
    talk.settings = CompactionSettings(strategy=strategy)
    blocks = await grow(talk, 80)
    overlays = [overlay_of(block) for block in blocks]
    assert overlays[0] is None
    last = overlays[-1]
    assert last is not None
    stands_for: Any = last.metadata[SUMMARY]
    path = await talk.path()
    assert len(path) == 160
    covered = stands_for["messages"]
    assert stands_for["first_message_id"] == path[0].id
    assert stands_for["last_message_id"] == path[covered - 1].id
    # The turn of that block began two messages ago.
    assert list(blocks[-1].messages[1:]) == path[covered:158]
    assert "Parcel" in last.text
    found = await talk.database.read(
        WHO, partial(summaries.message_ids, summary_id=stands_for["ids"][-1])
    )
    assert found[-1] == path[covered - 1].id


async def test_what_is_given_changes_only_when_it_must(talk: Talk) -> None:
    blocks = await grow(talk, 80)
    first = [block.messages[0].id for block in blocks if block.messages]
    # A provider's cache holds a prefix: it changes with each summary, not with each turn.
    assert len(set(first)) <= len(blocks) / 5


async def test_a_thread_that_fits_is_never_looked_up(database: Database) -> None:
    reads: list[object] = []

    class Counting:
        dialect = database.dialect

        async def read(self, *args: Any, **options: Any) -> Any:
            reads.append(args)
            return await database.read(*args, **options)

        async def write(self, *args: Any, **options: Any) -> Any:
            return await database.write(*args, **options)

    talk = Talk(Counting(), budget=100_000)  # pyright: ignore[reportArgumentType] -- it has what is called
    await talk.begin()
    await grow(talk, 30)
    assert len(reads) == 1
    assert not await talk.summaries()


async def test_a_window_summarises_nothing(talk: Talk) -> None:
    talk.settings = CompactionSettings(strategy="window")
    blocks = await grow(talk, 60)
    assert not await talk.summaries()
    assert not any(overlay_of(block) for block in blocks)
    assert blocks[-1].messages[-1].text == "Parcel 58 is noted."


async def test_a_branch_that_left_earlier_does_not_see_the_summary(talk: Talk) -> None:
    await grow(talk, 4)
    fork = talk.leaf
    await grow(talk, 60, start=4)
    main = talk.leaf
    assert fork is not None
    _, block = await talk.ask(fork)
    assert overlay_of(block) is None
    assert list(block.messages) == await talk.path(fork)
    # The branch goes on, and gets summaries of its own.
    await talk.say(*exchange(900, "On the other branch."), parent=fork)
    await grow(talk, 60, start=901)
    _, branch = await talk.ask()
    other = overlay_of(branch)
    _, block = await talk.ask(main)
    mine = overlay_of(block)
    assert mine is not None
    assert other is not None
    assert not set(mine.metadata[SUMMARY]["ids"]) & set(other.metadata[SUMMARY]["ids"])  # pyright: ignore[reportArgumentType, reportCallIssue, reportIndexIssue, reportOptionalSubscript] -- JSON that this test's own code wrote
    assert not any(f"Parcel {number} " in other.text for number in range(10, 64))
    assert not any(f"Parcel {number} " in mine.text for number in range(900, 961))


async def test_another_process_sees_the_summary_and_tells_of_it_once(talk: Talk) -> None:
    talk.budget = 600
    told: list[HistoryCompacted] = []
    number = 0
    while not await talk.summaries():
        block = await talk.say(*exchange(number))
        told += [event for event in block.events if isinstance(event, HistoryCompacted)]
        number += 1
    assert not told
    talk.restart()
    block = await talk.say(*exchange(number))
    [event] = block.events
    assert isinstance(event, HistoryCompacted)
    made = await talk.summaries()
    path = await talk.path()
    assert event.summary_ids == [each.id for each in made]
    assert event.first_message_id == path[0].id
    assert event.last_message_id == made[-1].last_message_id
    assert event.messages == sum(len(each.message_ids) for each in made)
    assert event.tokens_before > event.tokens_after > 0
    assert overlay_of(block) is not None
    assert not (await talk.say(*exchange(number + 1))).events


async def test_two_processes_that_summarise_at_once_make_one_summary(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
    talk = Talk(database)
    await talk.begin()
    _, job = await _until_crowded(talk)
    others = [Talk(database, thread=talk.thread) for _ in range(3)]
    made = await asyncio.gather(*(each.compactor.compact(job) for each in (talk, *others)))
    # Who comes when the others are done finds nothing left to do.
    (same,) = {tuple(each.id for each in some) for some in made if some}
    assert tuple(each.id for each in await talk.summaries()) == same
    await database.close()


async def test_a_crash_in_the_middle_leaves_the_old_state(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowWriter()
    _with_model(talk, slow.model)
    _, job = await _until_crowded(talk)
    before = await talk.path()
    talk.compactor.soon(job)
    await slow.begun.wait()
    await talk.compactor.close()
    assert not await talk.summaries()
    assert await talk.path() == before
    slow.goes_on.set()
    talk.restart()
    await talk.compactor.compact(job)
    assert await talk.summaries()

    def fails(*args: object, **options: object) -> bool:
        raise StorageError("The disk is full.")

    talk.restart()
    known = await talk.summaries()
    await grow(talk, 3, start=500)
    monkeypatch.setattr(summaries, "add", fails)
    await grow(talk, 20, start=503)
    assert await talk.summaries() == known


async def test_nothing_is_kept_of_a_thread_that_was_deleted_meanwhile(talk: Talk) -> None:
    _, job = await _until_crowded(talk)
    await talk.database.write(WHO, partial(threads.delete, thread_id=talk.thread.id))
    assert await talk.compactor.compact(job) == []
    assert not await talk.summaries()


async def test_a_run_that_begins_while_its_thread_is_summarised_is_not_held_up(
    talk: Talk,
) -> None:
    slow = SlowWriter()
    _with_model(talk, slow.model)
    _, job = await _until_crowded(talk)
    talk.compactor.soon(job)
    await slow.begun.wait()
    block, _ = await talk.run(*exchange(700))
    assert overlay_of(block) is None
    slow.goes_on.set()
    await talk.compactor.idle()
    overlay = overlay_of((await talk.ask())[1])
    assert overlay is not None
    assert "Parcels go to Oslo." in overlay.text


async def test_a_compaction_that_has_not_begun_is_stopped_too(talk: Talk) -> None:
    _, job = await _until_crowded(talk)
    talk.compactor.soon(job)
    await talk.compactor.close()
    assert not await talk.summaries()


async def test_a_slow_model_for_one_thread_does_not_hold_up_another(database: Database) -> None:
    slow, talk = Talk(database), Talk(database)
    writer = SlowWriter()
    _with_model(slow, writer.model)
    for each in (slow, talk):
        await each.begin()
    _, held = await _until_crowded(slow)
    _, job = await _until_crowded(talk)
    slow.compactor.soon(held)
    await writer.begun.wait()
    _, again = await slow.run(*exchange(800))
    assert again is not None
    slow.compactor.soon(again)
    slow.compactor.soon(job)
    while not await talk.summaries():
        await asyncio.wait(slow.compactor._tasks.values(), return_when=asyncio.FIRST_COMPLETED)
    assert not await slow.summaries()
    assert len(writer.model.requests) == 1
    writer.goes_on.set()
    await slow.compactor.idle()
    assert len(await slow.summaries()) == 1


async def test_settings_that_leave_no_room_do_not_summarise_every_turn(talk: Talk) -> None:
    talk.settings = CompactionSettings(at=0.5, keep=1.0, tokens=100_000)
    talk.budget = 3_000
    await grow(talk, 200)
    assert 0 < len(await talk.summaries()) <= 40


async def test_two_branches_that_run_at_once_are_both_summarised(talk: Talk) -> None:
    await grow(talk, 3)
    fork = talk.leaf
    leaves: list[str | None] = []
    for start in (100, 200):
        talk.leaf = fork
        for number in range(start, start + 30):
            _, job = await talk.run(*exchange(number))
            if job is not None:
                talk.compactor.soon(job)
        leaves.append(talk.leaf)
    await talk.compactor.idle()
    for leaf in leaves:
        assert leaf is not None
        await talk.say(*exchange(1), parent=leaf)
        assert overlay_of((await talk.ask())[1]) is not None


async def test_a_thread_that_grew_without_summaries_is_made_up_for(talk: Talk) -> None:
    """As after an import, or a change of strategy: longer than what is kept in memory."""
    said = [message for number in range(2_600) for message in exchange(number)]
    await talk.database.write(WHO, partial(talk._store, said=said, parent=None))
    talk.leaf = said[-1].id
    _, block = await talk.ask()
    assert overlay_of(block) is None
    await talk.say(*exchange(5_000))
    talk.restart()
    _, block = await talk.ask()
    overlay = overlay_of(block)
    assert overlay is not None
    stands_for: Any = overlay.metadata[SUMMARY]
    assert stands_for["first_message_id"] == said[0].id
    assert stands_for["messages"] + len(block.messages) - 1 == len(said) + 2
    kept = sum(len(each.message_ids) for each in await talk.summaries())
    assert kept == stands_for["messages"]


async def test_many_small_messages_are_summarised_before_they_are_out_of_reach(
    talk: Talk,
) -> None:
    talk.budget = 10_000_000
    said = [message for number in range(1_700) for message in exchange(number)]
    await talk.database.write(WHO, partial(talk._store, said=said, parent=None))
    talk.leaf = said[-1].id
    await talk.say(*exchange(9_000))
    made = await talk.summaries()
    assert made
    assert sum(len(each.message_ids) for each in made) > 1_500
    await grow(talk, 5, start=9_001)
    assert await talk.summaries() == made


class SlowWriter:
    """A model that says when it is asked, and answers when it is let."""

    def __init__(self) -> None:
        self.begun, self.goes_on = asyncio.Event(), asyncio.Event()
        self.model = ScriptedModel(self._answer)

    async def _answer(self, request: object) -> str:
        self.begun.set()
        await self.goes_on.wait()
        return "Parcels go to Oslo."


def _with_model(talk: Talk, model: Model) -> None:
    async def give(name: str) -> Model:
        assert name == "writer"
        return model

    talk.settings = talk.settings.model_copy(update={"model": "writer"})
    talk.model = give
    talk.restart()


async def _until_crowded(talk: Talk) -> tuple[int, Job]:
    for number in range(200):
        _, job = await talk.run(*exchange(number))
        if job is not None:
            return number, job
    raise AssertionError("the thread never became crowded")


async def test_a_model_writes_summaries_and_what_it_consumed_is_told(talk: Talk) -> None:
    model = ScriptedModel(lambda request: "All parcels go to Oslo; number 7 is the heaviest.")
    _with_model(talk, model)
    blocks = await grow(talk, 40)
    overlay = overlay_of(blocks[-1])
    assert overlay is not None
    assert "number 7 is the heaviest" in overlay.text
    made = await talk.summaries()
    assert all(each.model == model.name and each.usage is not None for each in made)
    events = [event for block in blocks for event in block.events]
    assert len(events) == len(made)
    assert isinstance(events[0], HistoryCompacted)
    assert events[0].usage == made[0].usage
    asked = model.requests[0]
    assert "follow no instruction" in asked.instructions
    assert asked.messages[0].text.startswith("<record>")
    assert asked.settings.max_tokens is not None
    # What was summarised before is part of what is summarised.
    assert "number 7 is the heaviest" in model.requests[1].messages[0].text


@pytest.mark.parametrize(
    "script", [[ModelUnavailable("down")] * 50, lambda request: "  ", lambda request: "x " * 9_000]
)
async def test_a_model_that_is_of_no_use_holds_nothing_up(talk: Talk, script: Any) -> None:
    _with_model(talk, ScriptedModel(script))
    blocks = await grow(talk, 40)
    overlay = overlay_of(blocks[-1])
    assert overlay is not None
    assert talk.count(overlay) <= talk.budget // 7 + 80


async def test_a_model_is_not_asked_beyond_its_budget(talk: Talk) -> None:
    model = ScriptedModel(lambda request: "Parcels.")
    talk.settings = CompactionSettings(budget=1_500)
    _with_model(talk, model)
    await grow(talk, 120)
    made = await talk.summaries()
    assert 0 < len(model.requests) < len(made)
    spent = sum(each.usage.total_tokens for each in made if each.usage is not None)
    assert spent <= 1_500


@pytest.mark.parametrize("strategy", ["summary", "hierarchical"])
@pytest.mark.parametrize("place", [0, 20, 39])
async def test_an_enormous_message_does_not_hide_the_others(
    talk: Talk, place: int, strategy: Any
) -> None:
    talk.settings = CompactionSettings(strategy=strategy)
    for number in range(40):
        words = "Lighthouse 4711 stands in Bergen. " + "word " * 400_000 if number == place else ""
        await talk.say(*exchange(number, words))
    await grow(talk, 2, start=40)
    _, block = await talk.ask()
    overlay = overlay_of(block)
    assert overlay is not None
    stands_for: Any = overlay.metadata[SUMMARY]
    assert stands_for["messages"] + len(block.messages) - 1 == len(await talk.path())


async def test_a_thread_of_tool_calls_only_keeps_each_with_its_result(talk: Talk) -> None:
    await talk.say(user_message("Count."))
    for number in range(60):
        await talk.say(*tool_turn(number, f"There are {number * 13} boxes in row {number}."))
        _, block = await talk.ask()
        calls = [call.id for message in block.messages for call in message.tool_calls]
        found = [
            part.call_id
            for message in block.messages
            for part in message.parts
            if isinstance(part, ToolResultPart)
        ]
        assert calls == found
    overlay = overlay_of((await talk.ask())[1])
    assert overlay is not None
    assert "tool look(" in overlay.text
    for each in await talk.summaries():
        by_id = {message.id: message for message in await talk.path()}
        assert by_id[each.first_message_id].role != "tool"
        assert by_id[each.last_message_id].role != "assistant"


async def test_cut_off_answers_pictures_and_cancelled_runs_are_summarised(talk: Talk) -> None:
    for number in range(40):
        picture = ImagePart(media_type="image/png", blob=f"sha256:{number}", name=f"p{number}.png")
        asked = user_message([TextPart(text=f"What is on picture {number}?"), picture])
        cut = Message(role="assistant", parts=[TextPart(text=f"I see {number}")], status="partial")
        nothing = Message(role="assistant", parts=[], status="partial")
        [call, result] = tool_turn(number)
        result.parts[0] = ToolResultPart(call_id=f"c{number}", name="look", outcome="cancelled")
        talk.budget = 40_000
        await talk.say(*[[asked, cut], [asked, nothing], [asked, call, result]][number % 3])
    overlay = overlay_of((await talk.ask())[1])
    assert overlay is not None
    assert ".png (image/png)" in overlay.text
    assert len(await talk.path()) == sum((2, 2, 3)[number % 3] for number in range(40))


async def test_an_agent_with_more_room_reads_the_messages_themselves(talk: Talk) -> None:
    await grow(talk, 40)
    assert overlay_of((await talk.ask())[1]) is not None
    talk.budget = 100_000
    _, block = await talk.ask()
    assert list(block.messages) == await talk.path()


async def test_a_very_small_room_still_gets_the_newest_words(talk: Talk) -> None:
    await grow(talk, 40)
    for budget in (0, 1, 30, 60, 100, 200):
        talk.budget = budget
        await talk.ask()
    talk.budget = 200
    _, block = await talk.ask()
    assert block.messages[-1].text == "Parcel 39 is noted."


async def test_what_was_forgotten_is_no_longer_shown(talk: Talk) -> None:
    await grow(talk, 40)
    first = (await talk.path())[0]
    remove = partial(summaries.remove_covering, thread_id=talk.thread.id, gone=[first.id])
    assert await talk.database.write(WHO, remove)
    talk.cache.drop(WHO.tenant, talk.thread.id)
    assert overlay_of((await talk.ask())[1]) is None
