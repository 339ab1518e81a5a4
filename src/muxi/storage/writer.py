"""The one writer of a SQLite file, and its group commit.

Units that wait at the same time share one transaction, each in its own savepoint, so that one
that fails is undone alone. A unit is answered only after the commit that holds it. The writer
outlives every error: a full disk fails the units of its group, and the next group may succeed.

A group of tiny units is worked off on the event loop and only its commit, which waits for the
disk, on the writer's thread. SQLite's driver gives up the interpreter's lock at every statement,
and beside a busy loop a thread waits for it each time: measured so, the slowest turns took twice
as long. Any other group is the thread's from beginning to end.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, Generic, NamedTuple, TypeVar

from muxi.core.errors import StorageUnavailable
from muxi.storage.sqlite_errors import translate

T = TypeVar("T")

_LOOK_AGAIN = 0.005
"""Seconds between two tries to get a file that another program holds."""


class Unit(Generic[T]):
    """What one caller wants written, and where the caller waits for the outcome."""

    __slots__ = ("_blocked", "_future", "early", "error", "fn", "loop", "outside", "result", "tiny")

    def __init__(
        self,
        fn: Callable[[sqlite3.Connection], T],
        future: asyncio.Future[T] | None,
        *,
        tiny: bool = False,
        early: Callable[[T], None] | None = None,
        outside: bool = False,
    ) -> None:
        self.fn = fn
        self.outside = outside
        self.early = early
        self.tiny = tiny and future is not None
        self.loop = None if future is None else future.get_loop()
        self.result: T | None = None
        self.error: BaseException | None = None
        self._future = future
        self._blocked: Future[None] | None = Future() if future is None else None

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


class _Job(NamedTuple):
    """Work for the thread: a group, of which perhaps only the commit is left to do."""

    group: list[Unit[Any]]
    begun: bool


class Writer:
    """Takes units from any thread and writes them in the order in which they came."""

    def __init__(self, connection: sqlite3.Connection, *, group: int, patience: float) -> None:
        self.connection = connection
        self._largest = group
        self._patience = patience
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._mutex = threading.Lock()
        # Guarded by the mutex:
        self._waiting: deque[Unit[Any]] = deque()
        self._busy = False
        self._called = False
        self._closed = False

    def start(self) -> None:
        """Start the thread. Until then the connection belongs to whoever made it."""
        # The event loop must not wait for another program's lock; the thread does it by itself.
        self.connection.execute("PRAGMA busy_timeout=0").fetchall()
        self._thread = threading.Thread(target=self._run, name="muxi-writer", daemon=True)
        self._thread.start()

    def submit(self, unit: Unit[Any]) -> None:
        """Queue a unit; its outcome arrives where its caller waits."""
        with self._mutex:
            if self._closed:
                raise StorageUnavailable("The database is closed.")
            self._waiting.append(unit)
            if self._busy:
                return
            if unit.tiny and unit.loop is not None:
                if not self._called:
                    self._called = True
                    # Called at the end of this turn of the loop, when others have joined.
                    unit.loop.call_soon(self._work_here)
                return
            group = self._take()
        self._jobs.put(_Job(group, begun=False))

    def close(self) -> None:
        """Write what was accepted, then end the thread and close the connection."""
        with self._mutex:
            if self._closed:
                return
            self._closed = True
        self._jobs.put(None)
        if self._thread is not None:
            self._thread.join()
        self.connection.close()

    def _take(self) -> list[Unit[Any]]:
        """The next group, for the one who now is busy with it. The mutex is held."""
        self._busy = True
        group = [self._waiting.popleft()]
        while self._waiting and len(group) < self._largest:
            if group[0].outside or self._waiting[0].outside:
                break
            group.append(self._waiting.popleft())
        return group

    def _work_here(self) -> None:
        """Work off a group of tiny units on the event loop, and leave the commit to the thread."""
        with self._mutex:
            self._called = False
            if self._busy or not self._waiting:
                return
            group = self._take()
        begun = False
        if all(unit.tiny for unit in group):
            try:
                self.connection.execute("BEGIN IMMEDIATE")
                begun = True
            except sqlite3.Error:
                # Most likely another program holds the file: the thread has time to wait.
                begun = False
        if begun:
            _attempt_all(self.connection, group)
        self._jobs.put(_Job(group, begun))
        if begun:
            for unit in group:
                if unit.early is not None and unit.error is None and unit.loop is not None:
                    unit.loop.call_soon(unit.early, unit.result)

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if job is not None:
                self._finish(job)
            with self._mutex:
                if self._busy:
                    continue
                if self._closed and not self._waiting:
                    return
                group = self._take() if self._waiting and (self._closed or not self._called) else []
            if group:
                self._jobs.put(_Job(group, begun=False))

    def _finish(self, job: _Job) -> None:
        group = job.group
        try:
            if group[0].outside:
                # It is alone: what cannot be done inside of a transaction.
                group[0].result = group[0].fn(self.connection)
            elif not job.begun:
                self._begin()
                _attempt_all(self.connection, group)
            if self.connection.in_transaction:
                self.connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 -- the boundary of the thread: the callers get it
            _undo(self.connection)
            for unit in group:
                unit.error = unit.error or _typed(error)
        with self._mutex:
            self._busy = False
            here = next((unit.loop for unit in self._waiting if unit.loop), None)
            # Those who wait are tiny all: their loop is told together with the outcome.
            self._called = here is not None and all(unit.tiny for unit in self._waiting)
            calling = here if self._called else None
        self._deliver(group, calling)

    def _begin(self) -> None:
        """Begin a transaction, waiting for another program that holds the file."""
        deadline = time.monotonic() + self._patience
        while True:
            try:
                self.connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() >= deadline:
                    raise
                time.sleep(_LOOK_AGAIN)
            else:
                return

    def _deliver(self, group: list[Unit[Any]], calling: asyncio.AbstractEventLoop | None) -> None:
        """Wake each loop once for all its units, and `calling` for its next group."""
        by_loop: dict[asyncio.AbstractEventLoop, list[Unit[Any]]] = {}
        for unit in group:
            if unit.loop is None:
                unit.deliver()
            else:
                by_loop.setdefault(unit.loop, []).append(unit)
        if calling is not None:
            by_loop.setdefault(calling, [])
        for loop, units in by_loop.items():
            try:
                loop.call_soon_threadsafe(self._settle, units, loop is calling)
            except RuntimeError:
                # The loop was closed meanwhile; nobody waits there any more.
                with self._mutex:
                    self._called = self._called and loop is not calling

    def _settle(self, units: list[Unit[Any]], next_group: bool) -> None:
        for unit in units:
            unit.deliver()
        if next_group:
            self._work_here()


def _attempt_all(connection: sqlite3.Connection, group: list[Unit[Any]]) -> None:
    """Run the units, undoing alone each that fails; all of them, if the transaction is gone."""
    try:
        for unit in group:
            _attempt(connection, unit, alone=len(group) == 1)
    except Exception as error:  # noqa: BLE001 -- the boundary of the units: their callers get it
        _undo(connection)
        for unit in group:
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
