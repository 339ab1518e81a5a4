"""Order and bounds of a thread's stream, without a server around it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from muxi.core.errors import StorageFull
from muxi.core.events import Event, Gap, RunCompleted, TextDelta
from muxi.core.threads import Thread
from muxi.core.usage import Usage
from muxi.runtime import feed as feed_file
from muxi.runtime.feed import EventReader, Feed, Origin
from muxi.runtime.frames import Frame
from muxi.runtime.principal import LOCAL
from muxi.runtime.streams import Streams, ThreadStream
from muxi.storage import sequences, threads
from muxi.storage.database import Database, open_database


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = await open_database("sqlite://")
    yield opened
    await opened.close()


def _stream(database: Database) -> tuple[Streams, ThreadStream]:
    streams = Streams(database)
    stream = streams.open(LOCAL, "thr_1")
    stream.use_block(range(1, 100))
    return streams, stream


def _say(stream: ThreadStream, run_id: str, text: str, *, held: bool = False) -> int:
    event = TextDelta(text=text)
    stream.stamp(event, run_id)
    stream.publish(event, held=held)
    return event.seq


def _events(frames: list[Frame] | None) -> list[Event]:
    return [frame.event for frame in frames or ()]


def _texts(frames: list[Frame] | None) -> list[str]:
    return [event.text for event in _events(frames) if isinstance(event, TextDelta)]


async def test_what_is_held_holds_up_what_comes_after_it(database: Database) -> None:
    streams, stream = _stream(database)
    feed = streams.attach(stream, run_id=None, fresh=True)
    _say(stream, "run_a", "one")
    held = _say(stream, "run_a", "two", held=True)
    _say(stream, "run_b", "three")
    assert _texts(await feed.next()) == ["one"]
    stream.release("run_a", held - 1)
    stream.release("run_b", 99)
    waiting = asyncio.create_task(feed.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    stream.release("run_a", held)
    assert _texts(await waiting) == ["two", "three"]
    feed.close()


async def test_a_run_s_reader_gets_only_its_events_and_ends_with_it(database: Database) -> None:
    streams, stream = _stream(database)
    feed = streams.attach(stream, run_id="run_a", fresh=True)
    _say(stream, "run_b", "other")
    _say(stream, "run_a", "own")
    end = RunCompleted(status="completed", usage=Usage())
    stream.stamp(end, "run_a")
    stream.publish(end, held=False, last=True)
    frames = await feed.next()
    assert _texts(frames) == ["own"]
    assert _events(frames)[-1] == end
    assert feed.over
    assert await feed.next() is None
    assert not stream.feeds


async def test_numbers_come_in_stored_blocks_and_are_never_given_twice(
    database: Database,
) -> None:
    thread = Thread(id="thr_1")
    await database.write(LOCAL, partial(threads.create, thread=thread))
    _, stream = _stream(database)
    block = await database.write(LOCAL, partial(sequences.reserve, thread_id="thr_1", count=2))
    stream.use_block(block)
    given: list[int] = []
    for _ in range(5):
        if stream.left == 0:
            await stream.grow(database)
        event = TextDelta(text="x")
        stream.stamp(event, "run_a")
        given.append(event.seq)
    assert given == sorted(set(given))
    assert given[:2] == list(block)
    after = await database.write(LOCAL, partial(sequences.reserve, thread_id="thr_1", count=1))
    assert after.start > given[-1]


async def test_a_stream_that_nobody_uses_is_forgotten(database: Database) -> None:
    streams, stream = _stream(database)
    feed = streams.attach(stream, run_id=None, fresh=True)
    feed.close()
    assert streams.open(LOCAL, "thr_1") is not stream


def _feed(origin: Origin, **options: object) -> Feed:
    return Feed(origin, thread_id="thr_1", run_id=None, **options)  # pyright: ignore[reportArgumentType] -- options of the feed


def _origin(stored: object, place: str = "here") -> Origin:
    async def state() -> object:
        return place

    return Origin(stored=stored, state=state, leave=lambda feed: None)  # pyright: ignore[reportArgumentType] -- made for the test


async def test_a_reader_that_cannot_catch_up_is_told_of_the_gap() -> None:
    async def stored(since: int, limit: int) -> list[Event]:
        raise StorageFull

    feed = _feed(_origin(stored, "over"), since=41)
    (gap,) = _events(await feed.next())
    assert isinstance(gap, Gap)
    assert gap.from_seq == 41
    assert await feed.next() is None


async def test_a_reader_waits_with_a_run_that_cannot_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_file, "_LOOK_AGAIN", 0.01)
    tries = 0

    async def stored(since: int, limit: int) -> list[Event]:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StorageFull
        return [TextDelta(text="kept", seq=1)]

    feed = _feed(_origin(stored))
    assert _texts(await feed.next()) == ["kept"]


async def test_a_late_reader_is_told_the_end_that_was_not_stored(database: Database) -> None:
    streams, stream = _stream(database)
    end = Frame(RunCompleted(status="failed", usage=Usage(), run_id="run_a", seq=7))
    stream.last_words["run_a"] = end
    feed = streams.attach(stream, run_id="run_a")
    assert await feed.next() == [end]
    assert await feed.next() is None


async def test_a_reader_is_told_of_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_file, "_PING_AFTER", 0.01)

    async def stored(since: int, limit: int) -> list[Event]:
        return []

    feed = _feed(_origin(stored), fresh=True)
    assert await feed.next() == []
    assert await feed.next() == []
    frame = Frame(TextDelta(text="x", seq=1))
    feed.push(frame, last=False)
    assert await feed.next() == [frame]
    feed.close()


async def test_events_are_read_one_by_one_and_shared_by_their_readers(database: Database) -> None:
    streams, stream = _stream(database)
    feeds = [streams.attach(stream, run_id=run, fresh=True) for run in ("run_a", None)]
    _say(stream, "run_a", "one")
    _say(stream, "run_a", "two")
    end = RunCompleted(status="completed", usage=Usage())
    stream.stamp(end, "run_a")
    stream.publish(end, held=False, last=True)
    async with EventReader(feeds[0]) as reader:
        events = [event async for event in reader]
    assert [event.seq for event in events] == [1, 2, 3]
    assert events[-1] is end
    async with EventReader(feeds[1]) as other:
        assert await other.batch() == events
    assert not stream.feeds


async def test_a_queue_never_grows_beyond_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_file, "MAX_QUEUED", 1000)
    asked: list[int] = []

    async def stored(since: int, limit: int) -> list[Event]:
        asked.append(since)
        return [TextDelta(text="stored", seq=since + 1)]

    feed = _feed(_origin(stored), fresh=True)
    for number in range(1, 1001):
        feed.push(Frame(TextDelta(text="x" * 50, seq=number)), last=False)
        assert feed._size <= 1000
    read = _events(await feed.next())
    assert [event.seq for event in read] == list(range(1, len(read) + 1))
    feed.push(Frame(TextDelta(text="too late to be queued", seq=1001)), last=False)
    assert _events(await feed.next()) == [TextDelta(text="stored", seq=len(read) + 1)]
    assert asked == [len(read)]
    feed.close()


async def test_a_slow_reader_is_told_the_end_of_a_run_that_could_not_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feed_file, "MAX_QUEUED", 1000)

    async def stored(since: int, limit: int) -> list[Event]:
        return []

    feed = _feed(_origin(stored), fresh=True)
    for number in range(1, 100):
        feed.push(Frame(TextDelta(text="x" * 50, seq=number)), last=number == 99)
    await feed.next()
    assert [event.seq for event in _events(await feed.next())] == [99]
    assert await feed.next() is None


@pytest.mark.parametrize("place", ["here", "over"])
async def test_a_slow_reader_gets_what_was_queued_before_it_is_told_of_the_gap(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.setattr(feed_file, "MAX_QUEUED", 1000)

    async def stored(since: int, limit: int) -> list[Event]:
        raise StorageFull

    feed = _feed(_origin(stored, place), fresh=True)
    for number in range(1, 100):
        feed.push(Frame(TextDelta(text="x" * 50, seq=number)), last=number == 99)
    assert not feed.over
    read = _events(await feed.next())
    assert [event.seq for event in read] == list(range(1, len(read) + 1))
    assert 1 < len(read) < 99
    assert not feed.over
    gap, end = _events(await feed.next())
    assert isinstance(gap, Gap)
    assert gap.from_seq == len(read)
    assert end.seq == 99
    assert await feed.next() is None
    assert feed.over


async def test_numbers_never_go_back_when_an_earlier_block_comes_late(database: Database) -> None:
    _, stream = _stream(database)
    stream.use_block(range(513, 769))
    _say(stream, "run_1", "one")
    stream.use_block(range(257, 513))
    assert _say(stream, "run_1", "two") == 514
