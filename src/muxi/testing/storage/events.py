"""Events: a replay equals what was emitted, byte for byte and number for number."""

from __future__ import annotations

import asyncio
import random

import pytest

from muxi.core.errors import Conflict, InvalidInput
from muxi.core.events import (
    Event,
    MessageStarted,
    ReasoningDelta,
    RunCompleted,
    TextDelta,
    ToolCallDelta,
    parse_event,
)
from muxi.core.messages import Message
from muxi.core.usage import Usage
from muxi.storage import events
from muxi.storage.journal import StoredJournal
from muxi.storage.transaction import Database, Tx
from muxi.testing.storage.samples import ANN, NOBODY, a_journal, a_thread, numbers

_PIECES = ("", "a", "word ", "\0", "\N{OWL}", "\u202eאב", "\\u0000", '"', "x" * 3000)


def some_events(source: random.Random, count: int) -> list[Event]:
    """Events as a run emits them, without numbers."""
    made: list[Event] = []
    for _ in range(count):
        text, index = source.choice(_PIECES), source.randrange(2)
        kind = source.randrange(20)
        if kind < 10:
            made.append(TextDelta(index=index, text=text))
        elif kind < 13:
            made.append(ReasoningDelta(index=index, text=text))
        elif kind < 17:
            made.append(ToolCallDelta(index=index, call_id=f"c{index}", text=text))
        elif kind < 18:
            made.append(MessageStarted(message_id="m", author=text))
        elif kind < 19:
            made.append(parse_event('{"type":"of.the.future","deep":{"x":[null]}}'))
        else:
            made.append(TextDelta.model_validate({"text": text, "from_the_future": [None, text]}))
    return made


def encoded(found: list[Event]) -> list[str]:
    """Events as readers get them."""
    return [event.model_dump_json() for event in found]


class EventConformance:
    """Inherit it through `StorageConformance`."""

    async def test_a_reader_comes_back_into_the_middle_of_many_small_pieces(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        numbered = await numbers(database, thread, 3000)
        sent: list[Event] = []
        for seq in numbered:
            sent.append(TextDelta(text="x", seq=seq, run_id=journal.run.id))
            journal.record(NOBODY, sent[-1])
        await journal.flush()
        for since in (0, 1, 1023, 1024, 1025, 2500, 2999):
            read = await database.read(
                ANN, lambda tx, s=since: events.read(tx, thread.id, since=s, limit=5000)
            )
            assert encoded(read) == encoded([event for event in sent if event.seq > since])

    @pytest.mark.parametrize("seed", range(3))
    async def test_a_replay_equals_what_was_emitted(self, database: Database, seed: int) -> None:
        source = random.Random(seed)
        thread = await a_thread(database)
        first = await a_journal(database, thread)
        second = await a_journal(database, thread)
        shared = StoredJournal(
            database, ANN, second.run, second.lease, buffer=first.buffer, fresh=True
        )
        writers = (first, shared)
        emitted: list[Event] = []
        seq = iter(await numbers(database, thread))
        for event in some_events(source, 200):
            writer = source.choice(writers)
            event.run_id = writer.run.id
            event.seq = next(seq)
            if source.randrange(10) == 0:
                next(seq)
            emitted.append(event.model_copy(deep=True))
            writer.record(NOBODY, event)
            if source.randrange(25) == 0:
                await writer.flush()
        await first.flush()
        everything = await database.read(ANN, lambda tx: events.read(tx, thread.id))
        assert encoded(everything) == encoded(emitted)
        for _ in range(20):
            since, limit = source.randrange(260), source.randrange(1, 30)
            run_id = source.choice((None, first.run.id))
            expected = [
                event for event in emitted if event.seq > since and run_id in (None, event.run_id)
            ]

            def read(
                tx: Tx, since: int = since, limit: int = limit, run_id: str | None = run_id
            ) -> list[Event]:
                return events.read(tx, thread.id, since=since, limit=limit, run_id=run_id)

            assert encoded(await database.read(ANN, read)) == encoded(expected[:limit])
        last = await database.read(ANN, lambda tx: events.last_seq(tx, thread.id))
        assert last == emitted[-1].seq

    async def test_a_number_is_used_once(self, database: Database) -> None:
        journal = await a_journal(database, await a_thread(database))
        journal.record(NOBODY, MessageStarted(message_id="m", seq=1, run_id=journal.run.id))
        await journal.flush()
        journal.record(NOBODY, MessageStarted(message_id="m", seq=1, run_id=journal.run.id))
        with pytest.raises(Conflict):
            await journal.flush()

    async def test_large_events_come_back(self, database: Database) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        text = "\0\N{OWL}" * 500_000
        message = Message.model_validate(
            {"role": "assistant", "parts": [{"type": "text", "text": text}]}
        )
        sent = [
            TextDelta(text=text, seq=1, run_id=journal.run.id),
            RunCompleted(status="completed", text=message.text, usage=Usage(), seq=2),
        ]
        for event in sent:
            journal.record(NOBODY, event)
        await journal.flush()
        assert await database.read(ANN, lambda tx: events.read(tx, thread.id)) == sent

    async def test_a_follower_may_ask_for_the_events_of_some_types_alone(
        self, database: Database
    ) -> None:
        thread = await a_thread(database)
        journal = await a_journal(database, thread)
        sent: list[Event] = [
            TextDelta(text='{"type":"run.completed"}', seq=1),
            MessageStarted(message_id="m", author='"run.completed"', seq=2),
            parse_event('{"type":"of.the.future","deep":{"x":"run.completed"},"seq":3}'),
            RunCompleted(status="completed", usage=Usage(), seq=4),
        ]
        for event in sent:
            event.run_id = journal.run.id
            journal.record(NOBODY, event)
        await journal.flush()
        only = {"run.completed"}
        read = await database.read(ANN, lambda tx: events.read(tx, thread.id, only=only))
        assert read == sent[-1:]
        page = await database.read(ANN, lambda tx: events.feed(tx, only=only))
        assert page.events == [(thread.id, sent[-1])]
        again = await database.read(ANN, lambda tx: events.feed(tx, after=page.cursor, only=only))
        assert (again.events, again.cursor) == ([], page.cursor)

    async def test_the_feed_gives_every_event_once_in_the_order_of_commits(
        self, database: Database
    ) -> None:
        made = [await a_thread(database) for _ in range(4)]
        writing = [await a_journal(database, thread) for thread in made]
        finished = asyncio.Event()
        seen: list[tuple[str, int]] = []

        async def write(journal: StoredJournal) -> None:
            for seq in range(1, 31):
                event = MessageStarted(message_id="m", run_id=journal.run.id, seq=seq)
                journal.record(NOBODY, event)
                await journal.flush()

        async def follow() -> None:
            cursor = None
            deadline = asyncio.get_running_loop().time() + 30
            while True:
                over = finished.is_set()
                page = await database.read(
                    ANN, lambda tx, at=cursor: events.feed(tx, after=at, limit=7)
                )
                seen.extend((thread_id, event.seq) for thread_id, event in page.events)
                cursor = page.cursor
                # Any transaction that is open on the server holds back what was written after it.
                late = asyncio.get_running_loop().time() > deadline
                if over and not page.events and (len(seen) >= 120 or late):
                    return

        async def write_all() -> None:
            await asyncio.gather(*map(write, writing))
            finished.set()

        await asyncio.gather(write_all(), follow())
        assert len(seen) == 120
        for thread in made:
            own = [seq for thread_id, seq in seen if thread_id == thread.id]
            assert own == list(range(1, 31))
        for nonsense in ("nonsense", "YQpi"):
            with pytest.raises(InvalidInput):
                await database.read(ANN, lambda tx, at=nonsense: events.feed(tx, after=at))
