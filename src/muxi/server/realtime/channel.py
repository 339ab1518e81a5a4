"""One thread, and all sockets that follow it: each event goes to those who have all before it.

Whoever comes late, or was too slow, catches up on their own from the database and joins the others
then. So nobody waits for anybody, and all see the same events in the same order.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Final

from muxi.core.errors import MuxiError
from muxi.runtime.feed import Feed
from muxi.runtime.frames import Frame
from muxi.runtime.principal import Principal
from muxi.runtime.streams import Streams
from muxi.server.realtime.line import Line
from muxi.server.realtime.packets import events_packet, message

_log = logging.getLogger("muxi.server")

_RECENT: Final = 65_536
"""Characters of events that are kept for those who are a little late, while a thread is busy."""
_LOOK_AGAIN: Final = 0.5
"""Seconds between two looks at a database that fails, or has less than was shown."""


class Subscription:
    """One socket's place in one thread."""

    __slots__ = ("_task", "channel", "line", "presence", "sent", "who")

    def __init__(self, line: Line, channel: Channel, who: Principal, *, since: int) -> None:
        self.line = line
        self.channel = channel
        self.who = who
        self.sent = since
        """Number of the last event that was sent, unless it is live."""
        self.presence: str | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def place(self) -> int:
        """Number of the last event that was sent: where to resume."""
        return self.channel.sent if self.channel.is_live(self) else self.sent

    def go_on(self) -> None:
        """Be live, at once or after catching up."""
        if self._task is None and not self.channel.take(self):
            self._task = asyncio.create_task(self._catch_up())

    def hold(self) -> None:
        """The socket takes no more for now."""
        self.channel.leave(self)

    def end(self) -> None:
        """Nothing more is sent."""
        if self._task is not None:
            self._task.cancel()
        self.channel.leave(self)
        self.channel.forget(self)

    async def _catch_up(self) -> None:
        try:
            while True:
                await self.line.writable()
                if self.channel.take(self):
                    return
                frames = await self.channel.past(self)
                if frames:
                    self.line.write(events_packet(self.channel.thread_id, frames))
                    self.sent = max(self.sent, frames[-1].seq)
                else:
                    await asyncio.sleep(_LOOK_AGAIN)
        finally:
            self._task = None


class Channel:
    """The live end of one thread.

    Args:
        streams: Where its past is.
        feed: Its events from now on.
        sent: Number of the last event before those of the feed.
        gather: Seconds for which events wait for others.
        over: Called when nobody follows it any more.
    """

    def __init__(
        self,
        streams: Streams,
        feed: Feed,
        *,
        sent: int,
        gather: float,
        over: Callable[[], None],
    ) -> None:
        self.thread_id = feed.thread_id
        self.sent = sent
        self._streams = streams
        self._feed = feed
        self._gather = gather
        self._over = over
        self._members: set[Subscription] = set()
        self._live: dict[Subscription, Callable[[bytes], None]] = {}
        self._recent: deque[Frame] = deque()
        self._size = 0
        self._kept_from = sent
        """All that was sent after this number is at hand."""
        self._pump = asyncio.create_task(self._run())

    def add(self, subscription: Subscription) -> None:
        """Somebody follows from now on."""
        self._members.add(subscription)

    def forget(self, subscription: Subscription) -> None:
        """Somebody follows no more."""
        self._members.discard(subscription)
        if subscription.presence is not None:
            self.show_presence(subscription, None)
        if not self._members:
            self._pump.cancel()
            self._feed.close()
            self._over()

    def is_live(self, subscription: Subscription) -> bool:
        """Whether it gets whatever comes."""
        return subscription in self._live

    def take(self, subscription: Subscription) -> bool:
        """Make it live, if it has all that was sent, or lacks no more than is still at hand."""
        missed: list[Frame] = []
        if subscription.sent < self.sent:
            if subscription.sent < self._kept_from:
                return False
            missed = [frame for frame in self._recent if frame.seq > subscription.sent]
        self._live[subscription] = subscription.line.write
        if missed:
            subscription.line.write(events_packet(self.thread_id, missed))
        return True

    def leave(self, subscription: Subscription) -> None:
        """It is live no more, and remembers how far it came."""
        if self._live.pop(subscription, None) is not None:
            subscription.sent = max(subscription.sent, self.sent)

    async def past(self, subscription: Subscription) -> list[Frame]:
        """What comes next for somebody who is behind."""
        try:
            events = await self._streams.past(
                subscription.who, self.thread_id, since=subscription.sent
            )
        except MuxiError as error:
            _log.warning("A reader of %s cannot catch up: %s", self.thread_id, error.message)
            return []
        return list(map(Frame, events))

    def show_presence(self, subscription: Subscription, state: str | None) -> None:
        """Tell all who are live what somebody is doing; None if they have left."""
        subscription.presence = state
        told = message(
            "presence",
            thread_id=self.thread_id,
            user=subscription.who.principal,
            connection=subscription.line.id,
            state=state or "gone",
        )
        for write in list(self._live.values()):
            write(told)

    def present(self) -> list[dict[str, str | None]]:
        """Who has said what they are doing."""
        return [
            {"user": each.who.principal, "connection": each.line.id, "state": each.presence}
            for each in self._members
            if each.presence is not None
        ]

    async def _run(self) -> None:
        feed, gather = self._feed, self._gather
        while (frames := await feed.next()) is not None:
            if frames:
                self._show(frames)
                if gather:
                    await asyncio.sleep(gather)
            else:
                # It is quiet: whoever comes now finds all in the database.
                self._recent.clear()
                self._size = 0
                self._kept_from = self.sent
        for subscription in list(self._members):
            subscription.line.session.dropped(self.thread_id)

    def _show(self, frames: list[Frame]) -> None:
        packet = events_packet(self.thread_id, frames)
        before = self.sent
        # First, as whoever cannot take it remembers that it was sent to them.
        self.sent = max(before, frames[-1].seq)
        self._keep(frames)
        for subscription, write in list(self._live.items()):
            if subscription.sent > before:
                self._show_rest(subscription, frames)
            else:
                write(packet)

    def _show_rest(self, subscription: Subscription, frames: list[Frame]) -> None:
        """To one who had seen more than this process has shown."""
        rest = [frame for frame in frames if frame.seq > subscription.sent]
        if rest:
            subscription.line.write(events_packet(self.thread_id, rest))

    def _keep(self, frames: list[Frame]) -> None:
        recent = self._recent
        recent.extend(frames)
        self._size += sum(len(frame.text) for frame in frames)
        while self._size > _RECENT:
            oldest = recent.popleft()
            self._size -= len(oldest.text)
            self._kept_from = max(self._kept_from, oldest.seq)
