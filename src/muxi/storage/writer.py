"""The one thread that writes to a SQLite file, and its group commit.

Units that wait at the same time share one transaction, each in its own savepoint, so that one
that fails is undone alone. A unit is answered only after the commit that holds it. The thread
outlives every error: a full disk fails the units of its group, and the next group may succeed.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from muxi.core.errors import StorageUnavailable
from muxi.storage.sqlite_errors import translate

T = TypeVar("T")


class Unit(Generic[T]):
    """What one caller wants written, and where the caller waits for the outcome."""

    __slots__ = ("_blocked", "_future", "_loop", "error", "fn", "result")

    def __init__(
        self, fn: Callable[[sqlite3.Connection], T], future: asyncio.Future[T] | None
    ) -> None:
        self.fn = fn
        self.result: T | None = None
        self.error: BaseException | None = None
        self._future = future
        self._loop = None if future is None else future.get_loop()
        self._blocked: Future[None] | None = Future() if future is None else None

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The loop on which the outcome must be delivered; None for a caller that blocks."""
        return self._loop

    def deliver(self) -> None:
        """Hand over the outcome; on the unit's loop, if it has one."""
        if self._blocked is not None:
            self._blocked.set_result(None)
        elif self._future is not None and not self._future.done():
            if self.error is not None:
                self._future.set_exception(self.error)
            else:
                self._future.set_result(self.result)  # pyright: ignore[reportArgumentType] -- set by a unit that did not fail

    def wait(self) -> T:
        """Block until the outcome is there."""
        if self._blocked is not None:
            self._blocked.result()
        if self.error is not None:
            raise self.error
        return self.result  # pyright: ignore[reportReturnType] -- set by a unit that did not fail


class Writer:
    """Takes units from any thread and writes them in the order in which they came."""

    def __init__(self, connection: sqlite3.Connection, *, group: int) -> None:
        self.connection = connection
        self._group = group
        self._queue: SimpleQueue[Unit[Any] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Start the thread. Until then the connection belongs to whoever made it."""
        self._thread = threading.Thread(target=self._run, name="muxi-writer", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit[Any]) -> None:
        """Queue a unit; its outcome arrives where its caller waits."""
        if self._closed:
            raise StorageUnavailable("The database is closed.")
        self._queue.put(unit)

    def close(self) -> None:
        """Write what was accepted, then end the thread and close the connection."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            if self._thread is not None:
                self._thread.join()
            self.connection.close()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first]
            while len(batch) < self._group and not self._queue.empty():
                unit = self._queue.get_nowait()
                if unit is None:
                    self._queue.put(None)
                    break
                batch.append(unit)
            self._commit(batch)
            _deliver(batch)

    def _commit(self, batch: list[Unit[Any]]) -> None:
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            for unit in batch:
                _attempt(connection, unit, alone=len(batch) == 1)
            if connection.in_transaction:
                connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 -- the boundary of the thread: the callers get it
            _undo(connection)
            for unit in batch:
                unit.error = unit.error or _typed(error)


def _attempt(connection: sqlite3.Connection, unit: Unit[Any], *, alone: bool) -> None:
    """Run a unit, undoing it alone if it fails. Raises if the whole transaction is gone."""
    if not alone:
        connection.execute("SAVEPOINT unit")
    try:
        unit.result = unit.fn(connection)
    except Exception as error:
        unit.error = _typed(error)
        if not connection.in_transaction:
            raise
        connection.execute("ROLLBACK" if alone else "ROLLBACK TO unit")
        if alone:
            return
    if not alone:
        connection.execute("RELEASE unit")


def _undo(connection: sqlite3.Connection) -> None:
    try:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except sqlite3.Error:
        # A rollback fails only when SQLite has undone the transaction by itself already.
        return


def _typed(error: Exception) -> Exception:
    typed = translate(error)
    if typed is None:
        return error
    typed.__cause__ = error
    return typed


def _deliver(batch: list[Unit[Any]]) -> None:
    """Wake each loop once for all its units."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Unit[Any]]] = {}
    for unit in batch:
        if unit.loop is None:
            unit.deliver()
        else:
            by_loop.setdefault(unit.loop, []).append(unit)
    for loop, units in by_loop.items():
        try:
            loop.call_soon_threadsafe(_deliver_all, units)
        except RuntimeError:
            # The loop was closed while its units were being written; nobody waits any more.
            continue


def _deliver_all(units: list[Unit[Any]]) -> None:
    for unit in units:
        unit.deliver()
