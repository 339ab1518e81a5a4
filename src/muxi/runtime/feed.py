"""One reader of a thread's or a run's events: first what is stored, then what happens.

Made by `streams`, read by doors. Its queue is bounded: what finds it full is not queued,
and the reader catches up from the database afterwards, so it costs no memory and misses nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from muxi.core.errors import StorageError
from muxi.core.events import Event
from muxi.runtime.frames import Frame, gap_frame

_log = logging.getLogger("muxi.runtime")

MAX_QUEUED = 1 << 20
"""Bytes of events that wait for one reader."""

PAGE = 512
"""Stored events that are read at once."""

_PING_AFTER = 15.0
"""Seconds of silence of which a reader is told, so that it can show that the line is not dead."""

_LOOK_AGAIN = 0.5
"""Seconds between two looks at what another process drives."""

State = Literal["here", "elsewhere", "over"]
"""Where a run or thread is being driven: `over` if the run has ended or waits for a person."""


@dataclass(slots=True, kw_only=True)
class Origin:
    """Where a feed finds what it has not seen, and how it leaves. Given by `streams`."""

    stored: Callable[[int, int], Awaitable[Sequence[Event]]]
    """Durable events after a number, at most so many; all that was published is among them."""
    state: Callable[[], Awaitable[State]]
    leave: Callable[[Feed], None]


class Feed:
    """The frames of one reader, in order, each once.

    Args:
        origin: Where stored events come from.
        thread_id: The thread whose events these are.
        run_id: Give only this run's events and end with it; None for all, without end.
        since: Number of the last event that the reader has.
        fresh: Nothing was published yet, so there is nothing to catch up with.
    """

    __slots__ = (
        "_closed",
        "_ended",
        "_frames",
        "_full",
        "_joined",
        "_last",
        "_looked",
        "_origin",
        "_sent",
        "_size",
        "_timed_out",
        "_timer",
        "_waiter",
        "run_id",
        "thread_id",
    )

    def __init__(
        self,
        origin: Origin,
        *,
        thread_id: str,
        run_id: str | None,
        since: int = 0,
        fresh: bool = False,
    ) -> None:
        self.thread_id = thread_id
        self.run_id = run_id
        self._origin = origin
        self._sent = since
        self._joined = fresh
        self._looked = False
        self._frames: list[Frame] = []
        self._size = 0
        self._full = False
        self._last: Frame | None = None
        self._ended = False
        self._closed = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timed_out = False

    @property
    def over(self) -> bool:
        """Whether everything was given: `next` would return None."""
        waits = self._frames or self._full
        return self._closed or (self._ended and self._joined and not waits)

    def push(self, frame: Frame, *, last: bool) -> None:
        """Queue a published event; `last` ends the feed after it."""
        self._ended = self._ended or last
        if self._full or self._size + len(frame.text) > MAX_QUEUED:
            self._full = True
            if last:
                # It may be all that can be said of a run which could not be stored.
                self._last = frame
        else:
            self._size += len(frame.text)
            self._frames.append(frame)
        self._wake()

    def look_again(self) -> None:
        """Whatever comes next is not pushed: find it in the database."""
        self._joined = self._looked = False
        self._wake()

    def close(self) -> None:
        """The reader is gone, or the process stops: nothing more comes."""
        if not self._closed:
            self._closed = True
            if self._timer is not None:
                self._timer.cancel()
            self._origin.leave(self)
            self._wake()

    async def next(self) -> list[Frame] | None:
        """What has come; nothing after some silence; None at the end. Only one caller may wait."""
        while not self._closed:
            if not self._joined:
                frames = await self._catch_up()
                if frames:
                    return frames
                if self._timed_out:
                    self._timed_out = False
                    return []
            elif self._frames:
                if frames := self._take():
                    return frames
            elif self._full:
                self._look_for_dropped()
            elif self._ended:
                self.close()
            elif not await self._wait():
                return []
        return None

    def _look_for_dropped(self) -> None:
        """The queue has been given out: find in the database what it had no room for."""
        self._full = self._joined = False
        if self._last is not None:
            self._frames.append(self._last)

    def _take(self) -> list[Frame]:
        frames, self._frames, self._size = self._frames, [], 0
        sent = self._sent
        self._sent = max(sent, frames[-1].seq)
        return frames if frames[0].seq > sent else [each for each in frames if each.seq > sent]

    async def _catch_up(self) -> list[Frame]:
        """The next stored events; after the last of them the reader has joined the live ones."""
        self._looked = True
        state: State = "over"
        try:
            # Asked first: what a run stored before it was over is then among the events.
            state = await self._origin.state()
            events = await self._origin.stored(self._sent, PAGE)
        except StorageError as error:
            if state == "here" and not self._ended:
                # The run has the same trouble, and ends soon if it does not pass. What it goes on
                # saying is no reason to look sooner.
                self._start_timer()
                await asyncio.sleep(_LOOK_AGAIN)
                return []
            _log.warning("A reader of %s cannot catch up: %s", self.thread_id, error.message)
            self.close()
            rest = [frame for frame in self._frames if frame.seq > self._sent]
            return [gap_frame(self.thread_id, after=self._sent), *rest]
        if len(events) < PAGE:
            # Unless frames or the run itself were lost while we looked.
            self._joined = self._looked and state != "elsewhere"
            self._ended = self._ended or state == "over"
        if events:
            self._sent = events[-1].seq
        elif not self._joined:
            await self._pause()
        return list(map(Frame, events))

    async def _pause(self) -> None:
        """Let some time pass before the next look."""
        self._start_timer()
        await asyncio.wait([self._waiting()], timeout=_LOOK_AGAIN)

    async def _wait(self) -> bool:
        """Whether something came before there was silence for too long."""
        self._start_timer()
        self._timed_out = False
        await self._waiting()
        return not self._timed_out

    def _waiting(self) -> asyncio.Future[None]:
        waiter = self._waiter = asyncio.get_running_loop().create_future()
        if self._frames or self._closed or self._ended:
            waiter.set_result(None)
        return waiter

    def _start_timer(self) -> None:
        if self._timer is None:
            # One timer for many waits: it is set anew only when it goes off.
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_PING_AFTER, self._time_out)

    def _time_out(self) -> None:
        self._timer = None
        self._timed_out = True
        self._wake()

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class EventReader:
    """The events of a feed, for doors that say them in their own words.

    Use it as `async with EventReader(feed) as events: async for event in events: ...`, which
    leaves the feed at the end; `event.seq` is the number after which a reader would come back. All
    readers share the events: nobody changes them.
    """

    __slots__ = ("_feed", "_waiting")

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._waiting: list[Event] = []

    async def batch(self) -> list[Event] | None:
        """All events that have come; none after 15 s of silence; None at the end."""
        frames = await self._feed.next()
        return None if frames is None else [frame.event for frame in frames]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._waiting:
            batch = await self.batch()
            if batch is None:
                raise StopAsyncIteration
            self._waiting = batch[::-1]
        return self._waiting.pop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        self._feed.close()
