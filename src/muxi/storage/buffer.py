"""What the runs of one thread have produced and the database does not hold yet.

Shared by the journals of all runs that write into a thread's stream, so that a flush stores the
stream in one piece: a reader of the database never sees a number before all lower ones. Text is
stored at the latest a quarter of a second or 4 KB after it was emitted, without holding up a run;
what many threads have to store then is stored together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextvars import Context
from dataclasses import dataclass
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
_TOGETHER = 32
"""The most threads that share a unit: it keeps the event loop for a millisecond."""


@dataclass(eq=False, slots=True)
class Author:
    """One run as the author of buffered things. `error` is set when nothing more can be stored."""

    lease: Lease
    columns: dict[str, Any]
    """Thread, root run, parent run and attempt: the same in each of its rows."""
    error: MuxiError | None = None


_Row = tuple[Author, events.Chunk]
_Act = tuple[Author, Callable[[Tx], object]]


class _Batch:
    """What is stored in one transaction."""

    __slots__ = ("acts", "authors", "ends", "rows")

    def __init__(
        self,
        rows: list[_Row] | None = None,
        acts: list[_Act] | None = None,
        ends: list[_Act] | None = None,
        authors: dict[Author, None] | None = None,
    ) -> None:
        self.rows = rows or []
        self.acts = acts or []
        self.ends = ends or []
        """What is done after all else is stored."""
        self.authors = authors or {}

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


class Flushing:
    """Stores what the buffers of a process hold, at the latest `FLUSH_SECONDS` after it came.

    Words of a thousand slow answers would else be a thousand units each time, which cost more
    than the words. Buffers share a unit, and each is stored for itself if that is refused.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._due: dict[ThreadBuffer, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, buffer: ThreadBuffer) -> None:
        """`buffer` holds something."""
        self._due[buffer] = None
        if self._timer is None:
            # Not in the context of whoever came first: what it has set is not for the others.
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(FLUSH_SECONDS, self._flush, context=Context())

    def forget(self, buffer: ThreadBuffer) -> None:
        """`buffer` sees to it by itself."""
        self._due.pop(buffer, None)
        if not self._due and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        self._timer = None
        due, self._due = self._due, {}
        together: dict[Scope, list[tuple[ThreadBuffer, _Batch]]] = {}
        for buffer in due:
            if buffer.writing is not None:
                self.expect(buffer)
            elif batch := buffer.take():
                scope = buffer.scope if batch.acts or batch.ends else _whole(buffer.scope)
                together.setdefault(scope, []).append((buffer, batch))
        for scope, taken in together.items():
            for at in range(0, len(taken), _TOGETHER):
                self._begin(scope, taken[at : at + _TOGETHER])

    def _begin(self, scope: Scope, taken: list[tuple[ThreadBuffer, _Batch]]) -> None:
        task = asyncio.get_running_loop().create_task(self._write(scope, taken))
        for buffer, _ in taken:
            buffer.writing = task

    async def _write(self, scope: Scope, taken: list[tuple[ThreadBuffer, _Batch]]) -> None:
        """Store what was taken; what cannot be stored now is put back."""
        tiny = sum(len(batch.rows) + len(batch.acts) for _, batch in taken) <= _TINY

        def store(tx: Tx) -> list[Author]:
            return [lost for buffer, batch in taken for lost in batch.store(tx, buffer.stream)]

        try:
            _lose(await self._database.write(scope, store, tiny=tiny))
        except MuxiError as error:
            away = isinstance(error, StorageError) and not isinstance(error, LeaseLost)
            for buffer, batch in taken:
                if away:
                    buffer.put_back(batch)
                else:
                    # Something of one of them is refused.
                    await buffer.write(batch)
        finally:
            for buffer, _ in taken:
                buffer.writing = None


class ThreadBuffer:
    """Collects what runs of a thread write, and stores it in the order in which it came.

    Args:
        database: Where it goes.
        scope: In whose name.
        stream: The lease on the thread's stream, checked by every write; None where the lease of
            the run alone decides.
        flushing: Shared by the buffers of a process; by default its own.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        stream: Lease | None = None,
        flushing: Flushing | None = None,
    ) -> None:
        self.database = database
        self.scope = scope
        self.stream = stream
        self._flushing = flushing or Flushing(database)
        self._batch = _Batch()
        self._open: dict[str, events.Chunk] = {}
        self.writing: asyncio.Task[Any] | None = None
        """Under way; what comes meanwhile is stored after it."""

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
            if self.writing is not None:
                await asyncio.wait({self.writing})
            elif not self._batch:
                return
            else:
                task = self._start()
                await asyncio.wait({task})
                if error := task.result():
                    raise error

    def _touch(self, author: Author) -> None:
        self._batch.authors[author] = None
        self._flushing.expect(self)

    def _flush_soon(self) -> None:
        self._flushing.forget(self)
        if self.writing is None and self._batch:
            self._start()
        elif self._batch:
            self._flushing.expect(self)

    def _start(self) -> asyncio.Task[StorageError | None]:
        self._flushing.forget(self)
        batch = self.take()
        task = asyncio.get_running_loop().create_task(self._write_alone(batch))
        self.writing = task
        return task

    def take(self) -> _Batch:
        """All that is buffered, to be stored or put back."""
        batch, self._batch = self._batch, _Batch()
        self._open.clear()
        return batch

    def put_back(self, batch: _Batch) -> None:
        """What was taken is not stored."""
        self._batch = batch.before(self._batch)

    async def _write_alone(self, batch: _Batch) -> StorageError | None:
        try:
            return await self.write(batch)
        finally:
            self.writing = None

    async def write(self, batch: _Batch) -> StorageError | None:
        """Store what was taken; what cannot be stored now is put back, and the reason returned."""
        try:
            await self._store(batch)
        except LeaseLost as error:
            for author in batch.authors:
                author.error = error
        except StorageError as error:
            self.put_back(batch)
            return error
        except MuxiError as error:
            await self._separate(batch, error)
        return None

    async def _store(self, batch: _Batch) -> None:
        stream = self.stream
        tiny = len(batch.rows) + len(batch.acts) <= _TINY
        _lose(await self.database.write(self.scope, lambda tx: batch.store(tx, stream), tiny=tiny))

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


def _lose(lost: Iterable[Author]) -> None:
    for author in lost:
        author.error = LeaseLost(run_id=author.lease.id)


def _whole(scope: Scope) -> Scope:
    """The tenant of a scope: text of all of its users is stored alike."""
    return Scope(scope.tenant, None)


def _holds(tx: Tx, lease: Lease) -> bool:
    try:
        leases.check(tx, lease)
    except LeaseLost:
        return False
    return True
