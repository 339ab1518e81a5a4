"""What the runs of one thread have produced and the database does not hold yet.

Shared by the journals of all runs that write into a thread's stream, so that a flush stores the
stream in one piece: a reader of the database never sees a number before all lower ones. Text is
stored at the latest a quarter of a second or 4 KB after it was emitted, without holding up a run.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from muxi.core.errors import LeaseLost, MuxiError, StorageError
from muxi.core.events import Event
from muxi.storage import events, leases
from muxi.storage.leases import Lease
from muxi.storage.transaction import Database, Scope, Tx

FLUSH_SECONDS = 0.25
FLUSH_CHARACTERS = 4096

_TINY = 64
"""Rows up to which a flush costs less on the event loop than on another thread."""


@dataclass(eq=False, slots=True)
class Writer:
    """One run as the author of buffered things. `error` is set when nothing more can be stored."""

    lease: Lease
    columns: dict[str, Any]
    """Thread, root run, parent run and attempt: the same in each of its rows."""
    error: MuxiError | None = None


@dataclass(slots=True)
class _Batch:
    rows: list[tuple[Writer, dict[str, Any] | events.Chunk]] = field(
        default_factory=list[tuple[Writer, "dict[str, Any] | events.Chunk"]]
    )
    acts: list[tuple[Writer, Callable[[Tx], object]]] = field(
        default_factory=list[tuple[Writer, Callable[[Tx], object]]]
    )
    writers: dict[Writer, None] = field(default_factory=dict[Writer, None])

    def __bool__(self) -> bool:
        return bool(self.writers)

    def of(self, writer: Writer) -> _Batch:
        """The part of one run."""
        return _Batch(
            [row for row in self.rows if row[0] is writer],
            [act for act in self.acts if act[0] is writer],
            {writer: None},
        )

    def before(self, later: _Batch) -> _Batch:
        """This and then `later`."""
        return _Batch(
            [*self.rows, *later.rows], [*self.acts, *later.acts], {**self.writers, **later.writers}
        )

    def store(self, tx: Tx, stream: Lease | None) -> list[Writer]:
        """Store all but what belongs to runs that were taken over; return those."""
        if stream is not None:
            leases.check(tx, stream)
        lost = [writer for writer in self.writers if not _holds(tx, writer.lease)]
        for writer, act in self.acts:
            if writer not in lost:
                act(tx)
        rows = [
            {**writer.columns, **(row.row() if isinstance(row, events.Chunk) else row)}
            for writer, row in self.rows
            if writer not in lost
        ]
        if rows:
            events.insert(tx, rows)
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

    def record(self, writer: Writer, event: Event) -> None:
        """Buffer an event that bears its number."""
        delta = events.mergeable(event)
        chunk = self._open.get(event.run_id)
        if delta is None:
            if chunk is not None:
                del self._open[event.run_id]
            self._touch(writer)
            row = events.row_of(event, created_at=_now())
            self._batch.rows.append((writer, row))
        elif chunk is not None and chunk.takes(delta):
            chunk.add(delta)
            if chunk.size >= FLUSH_CHARACTERS:
                del self._open[event.run_id]
                self._flush_soon()
        else:
            self._touch(writer)
            chunk = self._open[event.run_id] = events.Chunk(delta, created_at=_now())
            self._batch.rows.append((writer, chunk))

    def act(self, writer: Writer, act: Callable[[Tx], object]) -> None:
        """Buffer a call of a store function; it may be made twice if the first time fails."""
        self._batch.acts.append((writer, act))
        self._touch(writer)

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

    def _touch(self, writer: Writer) -> None:
        self._batch.writers[writer] = None
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
            for writer in batch.writers:
                writer.error = error
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
        for writer in lost:
            writer.error = LeaseLost(run_id=writer.lease.id)

    async def _separate(self, batch: _Batch, error: MuxiError) -> None:
        """Find the run whose part is refused, so that the others lose nothing by it."""
        if len(batch.writers) == 1:
            for writer in batch.writers:
                writer.error = error
            return
        for writer in batch.writers:
            await self._write_part(batch.of(writer), writer)

    async def _write_part(self, part: _Batch, writer: Writer) -> None:
        try:
            await self._store(part)
        except MuxiError as error:
            writer.error = error


def _holds(tx: Tx, lease: Lease) -> bool:
    try:
        leases.check(tx, lease)
    except LeaseLost:
        return False
    return True


def _now() -> int:
    return time.time_ns() // 1000
