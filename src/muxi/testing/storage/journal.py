"""The journal: what a run leaves behind, under its lease."""

from __future__ import annotations

import asyncio

import pytest

from muxi.core.errors import LeaseLost, NotFound
from muxi.core.events import Event, TextDelta
from muxi.core.messages import Message, TextPart
from muxi.core.steps import Step
from muxi.core.threads import Thread
from muxi.core.usage import Usage
from muxi.storage import events, leases, messages, runs, steps, threads
from muxi.storage import usage as usage_rows
from muxi.storage.buffer import ThreadBuffer
from muxi.storage.journal import StoredJournal
from muxi.storage.messages import Tip
from muxi.storage.transaction import Database, Tx
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

    async def _stored(self, database: Database, thread: Thread) -> tuple[int, int, str]:
        def look(tx: Tx) -> tuple[int, int, str]:
            return (
                len(messages.of_thread(tx, thread.id)),
                len(events.read(tx, thread.id)),
                runs.page(tx, thread_id=thread.id).items[0].status,
            )

        return await database.read(ANN, look)
