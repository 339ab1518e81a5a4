"""What of a thread enters a turn, within a budget and at a cost that does not grow."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest

from muxi.config.memory_settings import CompactionSettings
from muxi.core.context import RunContext
from muxi.core.messages import (
    AnyPart,
    Message,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    user_message,
)
from muxi.core.ports import ContextQuery
from muxi.core.threads import Thread
from muxi.memory.fitting import newest_that_fit
from muxi.memory.history import History, HistoryCache
from muxi.storage import messages as stored
from muxi.storage import threads
from muxi.storage.database import Database, Scope, Tx, open_database

WHO = Scope("default", "local")


def said(text: str) -> Message:
    return user_message(text)


def answered(*parts: AnyPart | str, status: str = "complete") -> Message:
    made = [TextPart(text=part) if isinstance(part, str) else part for part in parts]
    return Message.model_validate({"role": "assistant", "parts": made, "status": status})


def calling(*ids: str) -> Message:
    return answered(*(ToolCallPart(id=each, name="look") for each in ids))


def results(*ids: str) -> Message:
    parts = [ToolResultPart(call_id=each, name="look") for each in ids]
    return Message(role="tool", parts=[*parts])


def one(*messages: Message) -> int:
    return len(messages)


def test_the_newest_messages_are_kept() -> None:
    path = [said("1"), answered("2"), said("3"), answered("4")]
    assert newest_that_fit(path, 2, one) == path[2:]
    assert newest_that_fit(path, 4, one) == path
    assert newest_that_fit(path, 0, one) == []


def test_what_is_kept_begins_with_words_of_a_person() -> None:
    path = [said("1"), answered("2"), said("3"), answered("4")]
    assert newest_that_fit(path, 3, one) == path[2:]


def test_without_such_words_what_fits_is_kept() -> None:
    path = [said("1"), calling("a"), results("a"), answered("4")]
    assert newest_that_fit(path, 3, one) == path[1:]


@pytest.mark.parametrize("budget", range(8))
def test_calls_and_results_stay_together(budget: int) -> None:
    path = [said("1"), calling("a", "b"), results("a"), results("b"), said("2"), answered("3")]
    kept = newest_that_fit(path, budget, one)
    calls = sum(len(message.tool_calls) for message in kept)
    found = sum(message.role == "tool" for message in kept)
    assert calls == found
    assert len(kept) <= budget


def test_results_whose_call_is_not_there_are_left_out() -> None:
    path = [results("a"), said("2"), answered("3")]
    assert newest_that_fit(path, 10, one) == path[1:]


def test_a_partial_answer_is_kept_if_it_said_something() -> None:
    path = [said("1"), answered("half", status="partial"), said("2"), answered(status="partial")]
    assert newest_that_fit(path, 10, one) == path[:3]


@pytest.fixture
async def database() -> AsyncIterator[Database]:
    opened = await open_database("sqlite://")
    yield opened
    await opened.close()


def _fill(tx: Tx, thread: Thread, texts: list[str]) -> list[Message]:
    threads.create(tx, thread)
    path: list[Message] = []
    for text in texts:
        message = said(text)
        message.thread_id = thread.id
        message.parent_id = path[-1].id if path else None
        path.append(stored.insert(tx, message))
    return path


class Counting:
    """A database that counts how often it is read."""

    def __init__(self, inner: Database) -> None:
        self.inner = inner
        self.reads = 0

    async def read(self, *args: object, **options: object) -> object:
        self.reads += 1
        return await self.inner.read(*args, **options)  # pyright: ignore[reportArgumentType] -- passed on as they came


async def test_a_path_is_read_once_and_then_extended(database: Database) -> None:
    thread = Thread()
    path = await database.write(WHO, partial(_fill, thread=thread, texts=["1", "2"]))
    counting = Counting(database)
    cache = HistoryCache(counting)  # pyright: ignore[reportArgumentType] -- it has what is called
    assert (await cache.path(WHO, thread.id, path[-1].id, erasures=0)).messages == path
    more = [said("3"), answered("4")]
    more[0].parent_id = path[-1].id
    more[1].parent_id = more[0].id
    cache.extend(WHO, path[-1].id, more)
    assert (await cache.path(WHO, thread.id, more[-1].id, erasures=0)).messages == [*path, *more]
    assert counting.reads == 1


async def test_a_thread_with_one_turn_is_not_kept(database: Database) -> None:
    cache = HistoryCache(database)
    cache.extend(WHO, None, [said("1"), answered("2")])
    assert not cache._paths


async def test_the_cache_stays_within_its_bound(database: Database) -> None:
    cache = HistoryCache(database, max_bytes=50_000)
    for _ in range(30):
        thread = Thread()
        fill = partial(_fill, thread=thread, texts=["x" * 5_000, "y"])
        path = await database.write(WHO, fill)
        await cache.path(WHO, thread.id, path[-1].id, erasures=0)
        more = [said("z")]
        cache.extend(WHO, path[-1].id, more)
    assert cache._bytes <= 50_000
    assert 0 < len(cache._paths) <= 10


async def test_a_run_is_given_the_path_to_what_it_answers(database: Database) -> None:
    thread = Thread()
    path = await database.write(WHO, partial(_fill, thread=thread, texts=["1", "2", "3"]))
    asked = said("and?")
    asked.parent_id = path[1].id
    history = History(WHO, HistoryCache(database))
    ctx = RunContext(deps=None, thread_id=thread.id)
    query = ContextQuery(input=[asked], budget=100, count=one)
    assert (await history.gather(ctx, query)).messages == path[:2]
    first = ContextQuery(input=[said("new")], budget=100, count=one)
    assert not (await history.gather(ctx, first)).messages


@pytest.mark.parametrize(("budget", "turns"), [(10, 300), (300, 300), (2_000, 30)])
async def test_a_long_path_is_read_seldom_and_kept_only_as_far_as_it_is_given(
    database: Database, budget: int, turns: int
) -> None:
    thread = Thread()
    texts = [str(number) for number in range(1_000)]
    path = await database.write(WHO, partial(_fill, thread=thread, texts=texts))
    counting = Counting(database)
    cache = HistoryCache(counting)  # pyright: ignore[reportArgumentType] -- it has what is called
    settings = CompactionSettings(strategy="window")
    for number in range(turns):
        asked = said(f"more {number}")
        asked.parent_id = path[-1].id
        history = History(WHO, cache, settings)
        ctx = RunContext(deps=None, thread_id=thread.id)
        query = ContextQuery(input=[asked], budget=budget, count=one)
        given = (await history.gather(ctx, query)).messages
        assert list(given) == path[-budget:]
        path.append(asked)
        cache.extend(WHO, path[-2].id, [asked])
    assert counting.reads <= 3
    [kept] = cache._paths.values()
    assert len(kept.messages) <= max(1_030, 4 * budget)
