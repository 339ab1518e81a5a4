"""What the runs of one thread have produced and the database does not hold yet.

Shared by the journals of all runs that write into a thread's stream, so that a flush stores the
stream in one piece: a reader of the database never sees a number before all lower ones. Text is
stored at the latest a quarter of a second or 4 KB after it was emitted, without holding up a run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from muxi.core.errors import LeaseLost, MuxiError, StorageError
from muxi.core.events import Event
from muxi.storage import events, leases
from muxi.storage.leases import Lease
from muxi.storage.records import now_micros
from muxi.storage.transaction import Database, Scope, Tx

FLUSH_SECONDS = 0.25

_TINY = 64
"""Rows up to which a flush costs less on the event loop than on another thread."""


@dataclass(eq=False, slots=True)
class Author:
    """One run as the author of buffered things. `error` is set when nothing more can be stored."""

    lease: Lease
    columns: dict[str, Any]
    """Thread, root run, parent run and attempt: the same in each of its rows."""
    error: MuxiError | None = None


@dataclass(slots=True)
class _Batch:
    rows: list[tuple[Author, events.Chunk]] = field(
        default_factory=list[tuple[Author, events.Chunk]]
    )
    acts: list[tuple[Author, Callable[[Tx], object]]] = field(
        default_factory=list[tuple[Author, Callable[[Tx], object]]]
    )
    ends: list[tuple[Author, Callable[[Tx], object]]] = field(
        default_factory=list[tuple[Author, Callable[[Tx], object]]]
    )
    """What is done after all else is stored."""
    authors: dict[Author, None] = field(default_factory=dict[Author, None])

    def __bool__(self) -> bool:
        return bool(self.authors)

    def of(self, author: Author) -> _Batch:
        """The part of one run."""
        return _Batch(
            [row for row in self.rows if row[0] is author],
            [act for act in self.acts if act[0] is author],
            [end for end in self.ends if end[0] is author],
            {author: None},
        )

    def before(self, later: _Batch) -> _Batch:
        """This and then `later`."""
        return _Batch(
            [*self.rows, *later.rows],
            [*self.acts, *later.acts],
            [*self.ends, *later.ends],
            {**self.authors, **later.authors},
        )

    def store(self, tx: Tx, stream: Lease | None) -> list[Author]:
        """Store all but what belongs to runs that were taken over; return those."""
        # Runs before their stream, as everybody takes them: who took them the other way round would
        # wait for one that waits for it.
        lost = [author for author in self.authors if not _holds(tx, author.lease)]
        if stream is not None:
            leases.check(tx, stream)
        for author, act in self.acts:
            if author not in lost:
                act(tx)
        rows = [
            {**author.columns, **chunk.row()} for author, chunk in self.rows if author not in lost
        ]
        if rows:
            events.insert(tx, rows)
        for author, end in self.ends:
            if author not in lost:
                end(tx)
        return lost


class ThreadBuffer:
    """Collects what runs of a thread write, and stores it in the order in which it came.

    Args:
        database: Where it goes.
        scope: In whose name.
        stream: The lease on the thread's stream, checked by every write; None where the lease of
            the run alone decides.
    """

    def __init__(self, database: Database, scope: Scope, stream: Lease | None = None) -> None:
        self.database = database
        self.scope = scope
        self.stream = stream
        self._batch = _Batch()
        self._open: dict[str, events.Chunk] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[StorageError | None] | None = None

    def record(self, author: Author, event: Event, text: str | None = None) -> None:
        """Buffer an event that bears its number; `text` is its JSON, if that is known."""
        chunk = self._open.get(event.run_id)
        if chunk is None or not chunk.takes(event):
            chunk = self._open[event.run_id] = events.Chunk(event, created_at=now_micros())
            self._batch.rows.append((author, chunk))
            self._touch(author)
        chunk.add(event, text)
        if chunk.size >= events.CHUNK_CHARACTERS and events.mergeable(event) is not None:
            self._flush_soon()

    def act(self, author: Author, act: Callable[[Tx], object]) -> None:
        """Buffer a call of a store function; it may be made twice if the first time fails."""
        self._batch.acts.append((author, act))
        self._touch(author)

    def act_last(self, author: Author, act: Callable[[Tx], object]) -> None:
        """As `act`, after everything that is stored with it, events too."""
        self._batch.ends.append((author, act))
        self._touch(author)

    async def flush(self) -> None:
        """Return once all that was buffered is durable or its run has lost the right to write.

        Raises:
            StorageError: It is not; all is kept, and the next flush tries again.
        """
        while True:
            if self._writing is not None:
                await asyncio.wait({self._writing})
            elif not self._batch:
                return
            else:
                task = self._start()
                await asyncio.wait({task})
                if error := task.result():
                    raise error

    def _touch(self, author: Author) -> None:
        self._batch.authors[author] = None
        self._start_timer()

    def _flush_soon(self) -> None:
        self._stop_timer()
        if self._writing is None and self._batch:
            self._start()
        elif self._batch:
            self._start_timer()

    def _start_timer(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(FLUSH_SECONDS, self._flush_soon)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> asyncio.Task[StorageError | None]:
        self._stop_timer()
        batch, self._batch = self._batch, _Batch()
        self._open.clear()
        self._writing = asyncio.get_running_loop().create_task(self._write(batch))
        return self._writing

    async def _write(self, batch: _Batch) -> StorageError | None:
        """Store `batch`; what cannot be stored now is put back, and the reason returned."""
        try:
            await self._store(batch)
        except LeaseLost as error:
            for author in batch.authors:
                author.error = error
        except StorageError as error:
            self._batch = batch.before(self._batch)
            return error
        except MuxiError as error:
            await self._separate(batch, error)
        finally:
            self._writing = None
        return None

    async def _store(self, batch: _Batch) -> None:
        stream = self.stream
        tiny = len(batch.rows) + len(batch.acts) <= _TINY
        lost = await self.database.write(self.scope, lambda tx: batch.store(tx, stream), tiny=tiny)
        for author in lost:
            author.error = LeaseLost(run_id=author.lease.id)

    async def _separate(self, batch: _Batch, error: MuxiError) -> None:
        """Find the run whose part is refused, so that the others lose nothing by it."""
        if len(batch.authors) == 1:
            for author in batch.authors:
                author.error = error
            return
        for author in batch.authors:
            await self._write_part(batch.of(author), author)

    async def _write_part(self, part: _Batch, author: Author) -> None:
        try:
            await self._store(part)
        except MuxiError as error:
            author.error = error


def _holds(tx: Tx, lease: Lease) -> bool:
    try:
        leases.check(tx, lease)
    except LeaseLost:
        return False
    return True
