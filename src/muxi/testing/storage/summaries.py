"""Summaries: they stand for what is there, are made once, and go with what they were made of."""

from __future__ import annotations

from functools import partial

import pytest

from muxi.core.errors import NotFound
from muxi.core.messages import Message
from muxi.core.summaries import Summary
from muxi.core.threads import Thread
from muxi.storage import erasing, messages, sequences, summaries, threads
from muxi.storage.transaction import Database, Scope, Tx
from muxi.testing.storage.samples import ANN, a_message, a_thread

_BOB = Scope("acme", "bob")
_ELSEWHERE = Scope("other", None)


async def _a_path(database: Database, thread: Thread, count: int) -> list[Message]:
    def store(tx: Tx) -> list[Message]:
        path: list[Message] = []
        for number in range(count):
            parent = path[-1].id if path else None
            message = a_message(thread, f"number {number}", parent=parent)
            path.append(messages.insert(tx, message))
        return path

    return await database.write(ANN, store)


def _summary(path: list[Message], text: str = "What was said.", **more: object) -> Summary:
    made = Summary.model_validate(
        {
            "id": "",
            "thread_id": path[0].thread_id,
            "after_message_id": path[0].parent_id,
            "first_message_id": path[0].id,
            "last_message_id": path[-1].id,
            "messages": len(path),
            "tokens": 5,
            "strategy": "summary",
            "text": text,
            "message_ids": [message.id for message in path],
            **more,
        }
    )
    made.id = summaries.id_of(made)
    return made


def _on(earlier: Summary, path: list[Message]) -> Summary:
    return _summary(
        path,
        first_message_id=earlier.first_message_id,
        after_message_id=earlier.after_message_id,
        messages=earlier.messages + len(path),
        summary_ids=[earlier.id],
    )


class SummaryConformance:
    """Inherit it through `StorageConformance`."""

    async def test_a_summary_comes_back_as_it_was(self, database: Database) -> None:
        thread = await a_thread(database)
        path = await _a_path(database, thread, 3)
        made = _summary(path, "Wörter, 中文 and \u202eשלום", from_the_future={"deep": [1]})
        add = partial(summaries.add, thread_id=thread.id, made=[made], erasures=0)
        assert await database.write(ANN, add)
        read = await database.read(ANN, partial(summaries.newest, thread_id=thread.id))
        assert read == [made]
        assert await database.read(ANN, partial(summaries.get, summary_id=made.id)) == made
        stands_for = partial(summaries.message_ids, summary_id=made.id)
        assert await database.read(ANN, stands_for) == [message.id for message in path]

    async def test_the_same_summary_is_stored_once_whoever_makes_it(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        path = await _a_path(database, thread, 2)
        for text in ("first", "second"):
            made = [_summary(path, text)]
            assert await database.write(
                ANN, partial(summaries.add, thread_id=thread.id, made=made, erasures=0)
            )
        read = await database.read(ANN, partial(summaries.of_thread, thread_id=thread.id))
        assert [each.text for each in read] == ["first"]

    async def test_nothing_is_stored_for_what_was_deleted_meanwhile(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        path = await _a_path(database, thread, 2)
        stranger = a_message(thread, "never stored")
        for gone in ([stranger], [path[0], stranger], [path[1], path[0]]):
            made = [_summary(path), _summary(gone)]
            add = partial(summaries.add, thread_id=thread.id, made=made, erasures=0)
            assert not await database.write(ANN, add)
        later = _on(_summary(path[:1]), path[1:])
        add = partial(summaries.add, thread_id=thread.id, made=[later], erasures=0)
        assert not await database.write(ANN, add)
        assert not await database.read(ANN, partial(summaries.of_thread, thread_id=thread.id))
        await database.write(ANN, partial(threads.delete, thread_id=thread.id))
        add = partial(summaries.add, thread_id=thread.id, made=[_summary(path)], erasures=0)
        assert not await database.write(ANN, add)

    async def test_no_summary_is_stored_of_words_that_were_erased_meanwhile(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        path = await _a_path(database, thread, 2)
        begin = partial(sequences.begin, thread_id=thread.id, count=1)
        _, erasures = await database.write(ANN, begin)
        blank = partial(erasing.blank_messages, ids=[path[0].id])
        await database.write(Scope(ANN.tenant, None), blank)
        made = [_summary(path)]
        add = partial(summaries.add, thread_id=thread.id, made=made, erasures=erasures)
        assert not await database.write(ANN, add)
        _, erasures = await database.write(ANN, begin)
        add = partial(summaries.add, thread_id=thread.id, made=made, erasures=erasures)
        assert await database.write(ANN, add)

    async def test_who_does_not_see_the_thread_does_not_see_its_summaries(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        made = _summary(await _a_path(database, thread, 2))
        await database.write(
            ANN, partial(summaries.add, thread_id=thread.id, made=[made], erasures=0)
        )
        for stranger in (_BOB, _ELSEWHERE):
            assert not await database.read(
                stranger, partial(summaries.of_thread, thread_id=thread.id)
            )
            assert not await database.read(stranger, partial(summaries.newest, thread_id=thread.id))
            with pytest.raises(NotFound):
                await database.read(stranger, partial(summaries.get, summary_id=made.id))
            remove = partial(summaries.remove_covering, thread_id=thread.id, gone=made.message_ids)
            assert not await database.write(stranger, remove)
            add = partial(summaries.add, thread_id=thread.id, made=[made], erasures=0)
            assert not await database.write(stranger, add)
        assert await database.read(ANN, partial(summaries.of_thread, thread_id=thread.id))

    async def test_summaries_go_with_a_message_that_they_were_made_of(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        path = await _a_path(database, thread, 6)
        first = _summary(path[:2])
        second = _on(first, path[2:4])
        third = _on(second, path[4:])
        made = [first, second, third]
        assert await database.write(
            ANN, partial(summaries.add, thread_id=thread.id, made=made, erasures=0)
        )
        remove = partial(summaries.remove_covering, thread_id=thread.id, gone=[path[3].id])
        assert await database.write(ANN, remove) == [second.id, third.id]
        read = await database.read(ANN, partial(summaries.of_thread, thread_id=thread.id))
        assert read == [first]

    async def test_summaries_go_with_their_thread(self, database: Database) -> None:
        thread = await a_thread(database)
        made = _summary(await _a_path(database, thread, 2))
        await database.write(
            ANN, partial(summaries.add, thread_id=thread.id, made=[made], erasures=0)
        )
        await database.write(ANN, partial(threads.delete, thread_id=thread.id))
        with pytest.raises(NotFound):
            await database.read(ANN, partial(summaries.get, summary_id=made.id))

    async def test_the_newest_of_each_level_are_read_and_no_more(self, database: Database) -> None:
        thread = await a_thread(database)
        path = await _a_path(database, thread, 30)
        made = [_summary([message], level=1) for message in path]
        made.append(_summary(path, level=2))
        await database.write(
            ANN, partial(summaries.add, thread_id=thread.id, made=made, erasures=0)
        )
        read = await database.read(ANN, partial(summaries.newest, thread_id=thread.id))
        assert read == [*made[18:30], made[30]]
