"""Numbers the events of threads, encodes each once, stores it and hands it to every reader.

Called by the driver of a run and by doors that want to read. Order is the order of the numbers: an
event that must be durable before anybody sees it holds up those behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from muxi.core.errors import NotFound
from muxi.core.events import FINAL_STATUSES, KINDS, Event, ThreadEvent
from muxi.core.pages import Page
from muxi.runtime.feed import PAGE, Feed, Origin, State
from muxi.runtime.frames import Frame
from muxi.runtime.principal import Principal
from muxi.runtime.windows import past_events
from muxi.storage import events as stored_events
from muxi.storage import leases, sequences
from muxi.storage import runs as stored_runs
from muxi.storage.buffer import Flushing, ThreadBuffer
from muxi.storage.leases import Lease
from muxi.storage.transaction import Database, Tx

FIRST_BLOCK = 256
"""Numbers that a thread gets with each run: enough for most."""

_NEXT_BLOCK = 2048

WINDOW = 20_000
"""Numbers that a reader may be behind and still be told all; beyond, they get a `gap`."""


_WHOLE = KINDS.keys() - {
    "message.started",
    "text.delta",
    "reasoning.delta",
    "tool_call.started",
    "tool_call.delta",
}
"""Events that are no pieces of answers."""


class Source(Protocol):
    """A run that is being driven here, as far as its stream is concerned."""

    async def settle(self) -> None:
        """Return once all its events so far are durable."""
        ...

    async def ended(self) -> None:
        """Return once it is over if its end is being stored, else at once."""
        ...


class Reserved:
    """Holds the place of a run whose attempt is not stored yet: perhaps it is driven elsewhere."""

    async def settle(self) -> None:
        """It has no events yet."""

    async def ended(self) -> None:
        """It has not begun."""


@dataclass(slots=True)
class _Entry:
    frame: Frame
    last: bool
    held: bool


@dataclass(slots=True)
class ThreadStream:
    """The stream of one thread, as long as somebody writes or reads it here."""

    who: Principal
    thread_id: str
    buffer: ThreadBuffer
    """What its runs have produced and the database does not hold yet."""
    sources: dict[str, Source] = field(default_factory=dict[str, Source])
    """The runs that are being driven here, by id."""
    lease: Lease | None = None
    """The right to number its events."""
    feeds: set[Feed] = field(default_factory=set[Feed])
    last_words: dict[str, Frame] = field(default_factory=dict[str, Frame])
    """Ends that the database did not take, by run: late readers get them."""
    _next: int = 0
    _end: int = 0
    _outbox: deque[_Entry] = field(default_factory=deque[_Entry])
    _growing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def hold(self, lease: Lease) -> None:
        """Number and write under this lease from now on."""
        self.lease = self.buffer.stream = lease

    def let_go(self, tx: Tx) -> None:
        """Let others have the stream, unless another run goes on here.

        Called where the end of a run is written, so that no run that begins meanwhile is missed.
        """
        if self.lease is not None and len(self.sources) <= 1:
            leases.release(tx, self.lease)

    def use_block(self, block: range) -> None:
        """Number from this block on; what is left of another is never given.

        Of two runs that begin at once the later block may come first; the earlier is then not used.
        """
        if block.start >= self._next:
            self._next = block.start
            self._end = block.stop

    @property
    def left(self) -> int:
        """Numbers that can still be given."""
        return self._end - self._next

    async def grow(self, database: Database) -> None:
        """Reserve further numbers."""
        async with self._growing:
            if self.left > 0:
                return
            reserve = partial(sequences.reserve, thread_id=self.thread_id, count=_NEXT_BLOCK)
            self.use_block(await database.write(self.who, reserve))

    def stamp(self, event: Event, run_id: str) -> None:
        """Give `event` its place. `left` must not be 0."""
        event.run_id = event.run_id or run_id
        event.seq = self._next
        self._next += 1

    def publish(
        self, event: Event, text: str | None = None, *, held: bool, last: bool = False
    ) -> None:
        """Show a stamped event to all readers, once it and those before it are no longer held.

        `text` is its JSON, if that is known already; `last` ends the readers of its run.
        """
        frame = Frame(event, text)
        if held or self._outbox:
            self._outbox.append(_Entry(frame, last, held))
        else:
            self._show(frame, last=last)

    def release(self, run_id: str, upto: int) -> None:
        """The events of a run up to that number are durable and may be seen."""
        for entry in self._outbox:
            event = entry.frame.event
            if event.run_id == run_id and event.seq <= upto:
                entry.held = False
        self._show_free()

    def discard(self, run_id: str) -> None:
        """Nobody may see what a run has said and readers have not seen yet."""
        kept = (entry for entry in self._outbox if entry.frame.event.run_id != run_id)
        self._outbox = deque(kept)
        self._show_free()

    def _show_free(self) -> None:
        while self._outbox and not self._outbox[0].held:
            entry = self._outbox.popleft()
            self._show(entry.frame, last=entry.last)

    def look_again(self, run_id: str) -> None:
        """A run is no longer driven here without having ended: its readers go by the database."""
        for feed in self.feeds:
            if feed.run_id == run_id:
                feed.look_again()

    def _show(self, frame: Frame, *, last: bool) -> None:
        run_id = frame.event.run_id
        for feed in self.feeds:
            if feed.run_id == run_id:
                feed.push(frame, last=last)
            elif feed.run_id is None:
                feed.push(frame, last=False)


class Streams:
    """All threads that are written or read in this process."""

    def __init__(self, database: Database, *, window: int = WINDOW) -> None:
        self._window = window
        self._database = database
        self._flushing = Flushing(database)
        self._alone = database.dialect == "sqlite"
        self._open: dict[tuple[str, str], ThreadStream] = {}

    def open(self, who: Principal, thread_id: str) -> ThreadStream:
        """The stream of a thread, made if it is not open yet."""
        key = (who.tenant, thread_id)
        stream = self._open.get(key)
        if stream is None:
            buffer = ThreadBuffer(self._database, who, flushing=self._flushing)
            stream = self._open[key] = ThreadStream(who, thread_id, buffer)
        return stream

    def run_left(self, stream: ThreadStream) -> None:
        """A run of the stream is not driven here any more: the next one may be driven elsewhere."""
        if not self._alone and not stream.sources:
            for feed in stream.feeds:
                if feed.run_id is None:
                    feed.look_again()
        self.drop_idle(stream)

    def drop_idle(self, stream: ThreadStream) -> None:
        """Forget a stream that nobody writes or reads any more."""
        if not stream.sources and not stream.feeds:
            self._open.pop((stream.who.tenant, stream.thread_id), None)

    async def at_work(self, who: Principal, thread_id: str) -> list[str]:
        """The runs that this process drives in that thread.

        An end that is being stored is waited for: whoever reads the database may know of it before
        the run does, and is not to be told that the run is at work.
        """
        stream = self._open.get((who.tenant, thread_id))
        if stream is None:
            return []
        for source in list(stream.sources.values()):
            await source.ended()
        return list(stream.sources)

    async def follow_run(self, who: Principal, run_id: str, *, since: int = 0) -> Feed:
        """The events of a run after number `since`, up to its end or to a question to a person.

        Raises:
            NotFound: There is no such run.
        """
        run = await self._database.read(who, partial(stored_runs.get, run_id=run_id), tiny=True)
        # What lies before the run in a long thread need not be looked through.
        since = max(since, run.first_seq - 1)
        return self.attach(self.open(who, run.thread_id), run_id=run_id, since=since)

    def follow_thread(self, who: Principal, thread_id: str, *, since: int = 0) -> Feed:
        """The events of all runs of a thread after number `since`, without end."""
        return self.attach(self.open(who, thread_id), run_id=None, since=since)

    async def page(
        self, who: Principal, *, cursor: str | None = None, limit: int = 100
    ) -> Page[ThreadEvent]:
        """What happened in all threads that `who` sees, in the order in which it was stored.

        The pieces of answers are left out, as messages hold them whole. The cursor is never None.
        """
        read = partial(stored_events.feed, after=cursor, limit=limit, only=_WHOLE)
        found = await self._database.read(who, read)
        items = [
            ThreadEvent.model_construct(thread_id=thread, event=event)
            for thread, event in found.events
        ]
        return Page[ThreadEvent](items=items, next=found.cursor)

    def attach(
        self, stream: ThreadStream, *, run_id: str | None, since: int = 0, fresh: bool = False
    ) -> Feed:
        """A reader of `stream`; `fresh` if nothing of what it wants has happened yet."""
        origin = Origin(
            stored=partial(self._stored, stream, run_id),
            state=partial(self._state, stream, run_id),
            leave=partial(self._leave, stream),
        )
        feed = Feed(origin, thread_id=stream.thread_id, run_id=run_id, since=since, fresh=fresh)
        if run_id in stream.last_words:
            feed.push(stream.last_words[run_id], last=True)
        stream.feeds.add(feed)
        return feed

    def close(self) -> None:
        """End all readers: the process stops."""
        for stream in list(self._open.values()):
            for feed in list(stream.feeds):
                feed.close()

    def _leave(self, stream: ThreadStream, feed: Feed) -> None:
        stream.feeds.discard(feed)
        self.drop_idle(stream)

    async def head(self, who: Principal, thread_id: str) -> int:
        """The number of the last event of a thread that is stored; 0 if there is none."""
        read = partial(stored_events.last_seq, thread_id=thread_id)
        return await self._database.read(who, read, tiny=True)

    async def past(self, who: Principal, thread_id: str, *, since: int) -> list[Event]:
        """The next events of a thread after number `since`: some hundred, or all there are.

        What was published when this is called is among them, or behind a `gap`.
        """
        stream = self.open(who, thread_id)
        try:
            return await self._stored(stream, None, since, PAGE)
        finally:
            self.drop_idle(stream)

    async def _stored(
        self, stream: ThreadStream, run_id: str | None, since: int, limit: int
    ) -> list[Event]:
        for source in list(stream.sources.values()):
            await source.settle()
        read = partial(
            past_events,
            thread_id=stream.thread_id,
            run_id=run_id,
            since=since,
            limit=limit,
            window=self._window,
        )
        return await self._database.read(stream.who, read)

    async def _state(self, stream: ThreadStream, run_id: str | None) -> State:
        if run_id is None:
            # Whoever drives a run holds the lease of the stream, so that no other process writes.
            return (
                "here" if self._alone or any(map(_drives, stream.sources.values())) else "elsewhere"
            )
        source = stream.sources.get(run_id)
        if run_id in stream.last_words or (source is not None and _drives(source)):
            return "here"
        try:
            run = await self._database.read(
                stream.who, partial(stored_runs.get, run_id=run_id), tiny=True
            )
        except NotFound:
            return "over"
        return "over" if run.status in FINAL_STATUSES or run.status == "waiting" else "elsewhere"


def _drives(source: Source) -> bool:
    return not isinstance(source, Reserved)
