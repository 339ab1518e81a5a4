"""The journal: what a run leaves behind, under its lease."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from muxi.core.errors import LeaseLost, MuxiError, NotFound, StorageUnavailable
from muxi.core.events import Event, TextDelta
from muxi.core.messages import Message, TextPart
from muxi.core.steps import Step
from muxi.core.threads import Thread
from muxi.core.usage import Usage
from muxi.storage import events, leases, messages, runs, steps, threads
from muxi.storage import usage as usage_rows
from muxi.storage.buffer import Flushing, ThreadBuffer
from muxi.storage.journal import StoredJournal
from muxi.storage.messages import Tip
from muxi.storage.transaction import Database, Scope, Tx
from muxi.testing.storage.samples import ANN, NOBODY, a_journal, a_message, a_run, a_thread


def _answer(text: str) -> Message:
    return Message(role="assistant", parts=[TextPart(text=text)])


def _step(journal: StoredJournal, key: str, *, attempt: int = 1) -> Step:
    return Step(run_id=journal.run.id, key=key, kind="tool", name="t", attempt=attempt)


async def _successor(database: Database, journal: StoredJournal) -> StoredJournal:
    """The journal of another process that took over the run."""
    lease = await database.write(
        ANN, lambda tx: leases.seize(tx, "run", journal.run.id, "process-2")
    )
    return StoredJournal(database, ANN, journal.run, lease)


async def _journal_into(
    database: Database, thread: Thread, scope: Scope, buffer: ThreadBuffer
) -> StoredJournal:
    """The journal of a fresh run that writes into `buffer`."""
    made = await a_journal(database, thread, scope)
    return StoredJournal(database, scope, made.run, made.lease, buffer=buffer, fresh=True)


async def _told(database: Database, journal: StoredJournal) -> list[Event]:
    whole, thread_id = Scope(ANN.tenant, None), journal.run.thread_id
    return await database.read(whole, lambda tx: events.read(tx, thread_id))


async def _until_told(database: Database, journal: StoredJournal) -> None:
    """Return once an event of the run is stored, which nobody tells."""
    found: list[Event] = []
    while not found:
        await asyncio.sleep(0.01)
        found = await _told(database, journal)


class JournalConformance:
    """Inherit it through `StorageConformance`."""

    async def test_a_turn_is_stored_in_one_piece(self, database: Database) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        journal.record(NOBODY, TextDelta(text="hi", seq=1, run_id=journal.run.id))
        journal.append(NOBODY, _answer("one"))
        journal.append(NOBODY, _answer("two"))
        assert await self._stored(database, thread) == (1, 0, "running")
        run = journal.run.model_copy()
        run.status = "completed"
        await journal.end(run, used=Usage(requests=1), model="p/m")
        assert await self._stored(database, thread) == (3, 1, "completed")
        path = await database.read(ANN, lambda tx: messages.path_to_leaf(tx, thread.id))
        assert [message.text for message in path] == ["question", "one", "two"]
        used = await database.read(ANN, lambda tx: usage_rows.of_run(tx, run.id))
        assert used == [Usage(requests=1)]
        # Its lease is free again.
        await database.write(ANN, lambda tx: leases.acquire(tx, "run", run.id, "process-2"))

    async def test_a_step_is_durable_before_its_effect_with_all_before_it(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        journal.append(NOBODY, _answer("I shall call"))
        opened = await journal.open_step(NOBODY, _step(journal, "tool:c"))
        assert opened.number == 1
        assert await self._stored(database, thread) == (2, 0, "running")
        stored = await database.read(ANN, lambda tx: steps.of_run(tx, journal.run.id))
        assert [(step.key, step.state) for step in stored] == [("tool:c", "started")]

    async def test_a_successor_finds_messages_and_steps_and_repeats_only_the_unfinished(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        first = await a_journal(database, thread)
        first.append(NOBODY, _answer("one"))
        done = await first.open_step(NOBODY, _step(first, "tool:done"))
        done.state, done.result = "done", {"x": 1}
        first.close_step(NOBODY, done)
        await first.open_step(NOBODY, _step(first, "tool:open"))
        second = await _successor(database, first)
        assert [m.text for m in await second.run_messages(NOBODY)] == ["one"]
        assert await second.find_step(NOBODY, "tool:done") == done
        kept = await second.open_step(NOBODY, _step(second, "tool:done", attempt=2))
        again = await second.open_step(NOBODY, _step(second, "tool:open", attempt=2))
        assert (kept.attempt, kept.state) == (1, "done")
        assert (again.attempt, again.number, again.state) == (2, 2, "started")
        second.append(NOBODY, _answer("two"))
        await second.flush()
        path = await database.read(ANN, lambda tx: messages.path_to_leaf(tx, thread.id))
        assert [message.text for message in path] == ["question", "one", "two"]

    async def test_who_lost_the_lease_changes_nothing_more(self, database: Database) -> None:
        thread = await a_thread(database)
        old = await a_journal(database, thread)
        await _successor(database, old)
        old.append(NOBODY, _answer("too late"))
        old.record(NOBODY, TextDelta(text="late", seq=1, run_id=old.run.id))
        with pytest.raises(LeaseLost):
            await old.flush()
        with pytest.raises(LeaseLost):
            await old.open_step(NOBODY, _step(old, "tool:c"))
        run = old.run.model_copy()
        run.status = "failed"
        with pytest.raises(LeaseLost):
            await old.end(run, used=Usage())
        assert old.lost
        assert await self._stored(database, thread) == (1, 0, "running")

    async def test_a_run_that_lost_its_lease_does_not_hold_up_its_neighbour(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        stream = await database.write(
            ANN, lambda tx: leases.acquire(tx, "thread", thread.id, "process-1")
        )
        buffer = ThreadBuffer(database, ANN, stream)
        old, good = [
            StoredJournal(database, ANN, made.run, made.lease, buffer=buffer, fresh=True)
            for made in (await a_journal(database, thread), await a_journal(database, thread))
        ]
        await _successor(database, old)
        old.append(NOBODY, _answer("too late"))
        good.append(NOBODY, _answer("in time"))
        await good.flush()
        with pytest.raises(LeaseLost):
            await old.flush()
        stored = await database.read(ANN, lambda tx: messages.of_thread(tx, thread.id))
        assert "in time" in [message.text for message in stored]
        assert "too late" not in [message.text for message in stored]
        await database.write(ANN, lambda tx: leases.seize(tx, "thread", thread.id, "process-2"))
        good.append(NOBODY, _answer("too late"))
        with pytest.raises(LeaseLost):
            await good.flush()

    async def test_a_part_that_is_refused_does_not_hold_up_its_neighbour(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        one, two = await a_journal(database, thread), await a_journal(database, thread)
        other = StoredJournal(database, ANN, two.run, two.lease, buffer=one.buffer, fresh=True)
        one.also(lambda tx: runs.get(tx, "run_none"))
        other.append(NOBODY, _answer("kept"))
        await other.flush()
        with pytest.raises(NotFound):
            await one.flush()
        stored = await database.read(ANN, lambda tx: messages.of_thread(tx, thread.id))
        assert "kept" in [message.text for message in stored]

    async def test_text_is_stored_in_the_background_while_the_run_goes_on(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        sent: list[Event] = []
        async with asyncio.timeout(10):
            while True:
                event = TextDelta(text="word ", seq=len(sent) + 1, run_id=journal.run.id)
                sent.append(event)
                journal.record(NOBODY, event)
                stored = await database.read(
                    ANN, lambda tx: events.read(tx, thread.id, limit=1_000_000)
                )
                if stored:
                    break
        assert stored == sent[: len(stored)]
        await journal.flush()
        assert (
            await database.read(ANN, lambda tx: events.read(tx, thread.id, limit=1_000_000)) == sent
        )

    async def test_a_child_run_leaves_the_leaf_alone(self, database: Database) -> None:
        thread = await a_thread(database)
        parent = await a_run(database, thread)
        child = parent.model_copy(update={"id": "run_child", "parent_run_id": parent.id})
        child.root_run_id = parent.id
        await database.write(ANN, lambda tx: runs.create(tx, child))
        lease = await database.write(ANN, lambda tx: leases.acquire(tx, "run", child.id, "p"))
        journal = StoredJournal(database, ANN, child, lease, fresh=True)
        journal.append(NOBODY, _answer("aside"))
        await journal.flush()
        leaf = await database.read(ANN, lambda tx: messages.leaf(tx, thread.id))
        assert leaf == parent.input_id

    async def test_a_run_on_another_branch_leaves_the_leaf_alone(self, database: Database) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        tip = await database.read(ANN, lambda tx: messages.tip(tx, thread.id))
        assert tip == Tip(journal.run.input_id, journal.run.id, "running")
        fork = a_message(thread, "fork")
        await database.write(ANN, lambda tx: messages.insert(tx, fork))
        journal.append(NOBODY, _answer("on a side branch"))
        journal.append(NOBODY, _answer("and further there"))
        await journal.flush()
        tip = await database.read(ANN, lambda tx: messages.tip(tx, thread.id))
        assert tip == Tip(fork.id, None, None)

    async def test_a_thread_deleted_under_a_run_is_a_typed_error(self, database: Database) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        await database.write(ANN, lambda tx: threads.delete(tx, thread.id))
        journal.append(NOBODY, _answer("where to?"))
        with pytest.raises(LeaseLost):
            await journal.flush()

    async def test_what_many_threads_say_is_stored_in_few_units_without_being_asked(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flushing = Flushing(database)
        journals: list[StoredJournal] = []
        for number in range(40):
            scope = Scope(ANN.tenant, f"user-{number}")
            thread = await a_thread(database, scope)
            buffer = ThreadBuffer(database, scope, flushing=flushing)
            journals.append(await _journal_into(database, thread, scope, buffer))
        units: list[Scope] = []
        write = database.write

        async def counted(scope: Scope, fn: Callable[[Tx], Any], **more: Any) -> Any:
            units.append(scope)
            return await write(scope, fn, **more)

        monkeypatch.setattr(database, "write", counted)
        for journal in journals:
            journal.record(NOBODY, TextDelta(text="word", seq=1, run_id=journal.run.id))
        for journal in journals:
            await _until_told(database, journal)
        assert units == [Scope(ANN.tenant, None)] * 2

    async def test_of_threads_that_are_stored_together_one_that_is_refused_holds_up_none(
        self, database: Database
    ) -> None:
        flushing = Flushing(database)
        made: list[StoredJournal] = []
        for _ in range(4):
            thread = await a_thread(database)
            stream = await database.write(
                ANN, lambda tx, at=thread.id: leases.acquire(tx, "thread", at, "process-1")
            )
            buffer = ThreadBuffer(database, ANN, stream, flushing)
            made.append(await _journal_into(database, thread, ANN, buffer))
        moved, deleted, overtaken, good = made
        gone = deleted.run.thread_id
        await database.write(
            ANN, lambda tx: leases.seize(tx, "thread", moved.run.thread_id, "process-2")
        )
        await database.write(ANN, lambda tx: threads.delete(tx, gone))
        await _successor(database, overtaken)
        for journal in made:
            journal.record(NOBODY, TextDelta(text="word", seq=1, run_id=journal.run.id))
        await _until_told(database, good)
        await good.flush()
        for journal in (moved, overtaken):
            with pytest.raises(LeaseLost):
                await journal.flush()
        with pytest.raises(MuxiError):
            await deleted.flush()
        for journal in (moved, overtaken):
            assert await _told(database, journal) == []

    async def test_what_cannot_be_stored_together_now_is_kept_for_the_next_time(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flushing, refused = Flushing(database), asyncio.Event()
        one, two = [
            await _journal_into(
                database, thread, ANN, ThreadBuffer(database, ANN, flushing=flushing)
            )
            for thread in (await a_thread(database), await a_thread(database))
        ]
        write = database.write

        async def refuse(*_: Any, **__: Any) -> Any:
            refused.set()
            raise StorageUnavailable("The disk is away.")

        monkeypatch.setattr(database, "write", refuse)
        for journal in (one, two):
            journal.record(NOBODY, TextDelta(text="first", seq=1, run_id=journal.run.id))
        await refused.wait()
        monkeypatch.setattr(database, "write", write)
        for journal in (one, two):
            journal.record(NOBODY, TextDelta(text="then", seq=2, run_id=journal.run.id))
            await journal.flush()
            stored = await _told(database, journal)
            texts = [event.text for event in stored if isinstance(event, TextDelta)]
            assert texts == ["first", "then"]

    async def _stored(self, database: Database, thread: Thread) -> tuple[int, int, str]:
        def look(tx: Tx) -> tuple[int, int, str]:
            return (
                len(messages.of_thread(tx, thread.id)),
                len(events.read(tx, thread.id)),
                runs.page(tx, thread_id=thread.id).items[0].status,
            )

        return await database.read(ANN, look)
