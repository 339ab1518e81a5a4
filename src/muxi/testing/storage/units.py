"""Units of work: whole or not at all, durable when acknowledged, never seen by halves."""

from __future__ import annotations

import asyncio
import threading

import pytest

from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.core.messages import Message
from muxi.core.threads import Thread
from muxi.storage import messages, threads
from muxi.storage.transaction import Database, Tx
from muxi.testing.storage.samples import ANN, a_message, a_thread


class _Refused(Exception):
    """Raised by a unit of these tests."""


class UnitConformance:
    """Inherit it through `StorageConformance`."""

    async def test_a_unit_that_raises_leaves_nothing(self, database: Database) -> None:
        thread = Thread(owner="ann")

        def half(tx: Tx) -> None:
            threads.create(tx, thread)
            raise _Refused

        with pytest.raises(_Refused):
            await database.write(ANN, half)
        with pytest.raises(NotFound):
            await database.read(ANN, lambda tx: threads.get(tx, thread.id))

    async def test_units_that_fail_harm_no_other_of_their_group(self, database: Database) -> None:
        thread = await a_thread(database)
        taken = await database.write(
            ANN, lambda tx: messages.insert(tx, a_message(thread, "taken"))
        )

        async def write(number: int) -> bool:
            message = a_message(thread, f"number {number}")

            def unit(tx: Tx) -> None:
                messages.insert(tx, message)
                if number % 3 == 0:
                    messages.insert(tx, taken)

            try:
                await database.write(ANN, unit)
            except Conflict:
                return False
            return True

        outcomes = await asyncio.gather(*(write(number) for number in range(60)))
        assert outcomes == [number % 3 != 0 for number in range(60)]
        stored = await database.read(ANN, lambda tx: messages.of_thread(tx, thread.id))
        kept = {f"number {number}" for number in range(60) if number % 3}
        assert {message.text for message in stored} == kept | {"taken"}

    async def test_readers_never_see_half_a_unit(self, database: Database) -> None:
        thread = await a_thread(database)
        done = asyncio.Event()

        async def write(number: int) -> None:
            def unit(tx: Tx) -> None:
                for side in ("left", "right"):
                    messages.insert(tx, a_message(thread, f"{side} {number}"))

            await database.write(ANN, unit)

        def count(tx: Tx) -> tuple[int, int]:
            first = len(messages.of_thread(tx, thread.id))
            return first, len(messages.of_thread(tx, thread.id))

        async def look() -> int:
            looks = 0
            while not done.is_set() or looks == 0:
                first, second = await database.read(ANN, count)
                assert first == second
                assert first % 2 == 0
                looks += 1
            return looks

        async def write_all() -> None:
            await asyncio.gather(*(write(number) for number in range(100)))
            done.set()

        await asyncio.gather(write_all(), look(), look())
        assert len(await self._all(database, thread)) == 200

    async def test_a_caller_that_gives_up_does_not_undo_its_unit(self, database: Database) -> None:
        thread = await a_thread(database)
        begun, given_up, over = threading.Event(), threading.Event(), threading.Event()

        def unit(tx: Tx) -> None:
            begun.set()
            given_up.wait(30)
            messages.insert(tx, a_message(thread, "kept"))
            over.set()

        task = asyncio.create_task(database.write(ANN, unit))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        given_up.set()
        await asyncio.to_thread(over.wait, 30)
        deadline = asyncio.get_running_loop().time() + 30
        while not await self._all(database, thread):
            # It was written, and its commit is under way.
            assert asyncio.get_running_loop().time() < deadline
        assert [message.text for message in await self._all(database, thread)] == ["kept"]

    async def test_a_unit_can_be_written_by_a_caller_that_cannot_await(
        self, database: Database
    ) -> None:
        thread = database.write_blocking(ANN, lambda tx: threads.create(tx, Thread()))
        assert await database.read(ANN, lambda tx: threads.get(tx, thread.id), tiny=True)
        with pytest.raises(Conflict):
            database.write_blocking(ANN, lambda tx: threads.create(tx, thread))

    async def test_what_belongs_to_nothing_is_refused(self, database: Database) -> None:
        with pytest.raises(NotFound):
            await database.write(
                ANN, lambda tx: messages.insert(tx, a_message(Thread(id="thr_none"), "lost"))
            )

    async def test_texts_that_no_database_takes_are_refused_in_words(
        self, database: Database
    ) -> None:
        with pytest.raises(InvalidInput):
            await database.read(ANN, lambda tx: threads.get(tx, "\ud800"))
        assert await a_thread(database)

    async def _all(self, database: Database, thread: Thread) -> list[Message]:
        return await database.read(ANN, lambda tx: messages.of_thread(tx, thread.id))
