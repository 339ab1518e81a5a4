"""SQLite as a database of muxi: one writer thread with group commit, and readers on snapshots.

Opened by `open_database`. A database in memory has one connection, so its reads wait their turn
in the writer's queue. Nothing here knows what the rows mean.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from muxi.core.errors import StorageBusy
from muxi.storage.purging import empty_log, rewrite
from muxi.storage.sql import system
from muxi.storage.sqlite_errors import translate
from muxi.storage.statements import Dialect, Statement
from muxi.storage.transaction import Database, Row, Scope, Tx, unit_of
from muxi.storage.writer import Unit, Writer

T = TypeVar("T")

_PATIENCE_WITH_READERS = 30.0
"""Seconds in which every reader of a moment has finished, unless something is amiss."""
_LOOK_AGAIN = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteSettings:
    """How a SQLite file is treated."""

    synchronous: Literal["full", "normal"] = "full"
    """`full` survives a power cut with every acknowledged write, at one sync of the disk a group;
    `normal` may lose the last moments then, though never after a mere crash of the program."""
    busy_timeout: float = 5.0
    """Seconds to wait for another program that holds the file."""
    readers: int = 2
    """Threads that answer larger reads, each with its own connection."""
    group: int = 256
    """The most units that share a commit."""


class SqliteTx(Tx):
    """A transaction on one SQLite connection."""

    __slots__ = ("_connection",)

    dialect: Dialect = "sqlite"

    def __init__(self, connection: sqlite3.Connection, scope: Scope) -> None:
        super().__init__(scope)
        self._connection = connection

    def rows(self, statement: Statement, **parameters: Any) -> list[Row]:
        return self._execute(statement, parameters).fetchall()

    def row(self, statement: Statement, **parameters: Any) -> Row | None:
        found = self._execute(statement, parameters).fetchall()
        return found[0] if found else None

    def run(self, statement: Statement, **parameters: Any) -> int:
        return self._execute(statement, parameters).rowcount

    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> None:
        tenant, principal = self.scope.tenant, self.scope.principal
        self._connection.executemany(
            statement.sqlite,
            [
                statement.places({**one, "tenant": tenant, "principal": principal})
                for one in parameters
            ],
        )

    def raw(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(sql, parameters).fetchall()

    def _execute(self, statement: Statement, parameters: dict[str, Any]) -> sqlite3.Cursor:
        parameters["tenant"] = self.scope.tenant
        parameters["principal"] = self.scope.principal
        return self._connection.execute(statement.sqlite, statement.places(parameters))


def connect(path: str, settings: SqliteSettings) -> sqlite3.Connection:
    """A connection with muxi's pragmas set.

    Raises:
        StorageError: The file cannot be opened, or is no database.
    """
    connection = sqlite3.connect(
        path,
        timeout=settings.busy_timeout,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=256,
    )
    try:
        if path != ":memory:":
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        connection.execute(f"PRAGMA synchronous={settings.synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        # What is deleted is overwritten where that costs no further writing; `purge` does the rest.
        connection.execute("PRAGMA secure_delete=FAST").fetchall()
        connection.execute("PRAGMA journal_size_limit=67108864")
    except BaseException:
        connection.close()
        raise
    return connection


class SqliteDatabase(Database):
    """One SQLite file, or a database in memory."""

    dialect: Dialect = "sqlite"

    def __init__(self, path: Path | None, settings: SqliteSettings) -> None:
        self.path = path
        self._settings = settings
        self._writer = Writer(self._connect(), group=settings.group, patience=settings.busy_timeout)
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._near: sqlite3.Connection | None = None
        self._readers: ThreadPoolExecutor | None = None

    def use(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Work on the writer's connection before the writer starts: to create or upgrade."""
        return fn(self._writer.connection)

    def abandon(self) -> None:
        """Let go of a database that was never started."""
        self._writer.connection.close()

    def start(self) -> None:
        """Begin to accept units."""
        self._writer.start()

    async def read(self, scope: Scope, fn: Callable[[Tx], T], *, tiny: bool = False) -> T:
        if self.path is None:
            return await self._submit(scope, fn, tiny=tiny)
        if tiny:
            if self._near is None:
                self._near = self._connect(reader=True)
            return _snapshot(self._near, scope, fn)
        if self._readers is None:
            self._readers = ThreadPoolExecutor(self._settings.readers, "muxi-reader")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, scope, fn)

    async def write(
        self,
        scope: Scope,
        fn: Callable[[Tx], T],
        *,
        tiny: bool = False,
        early: Callable[[T], None] | None = None,
    ) -> T:
        return await self._submit(scope, unit_of(scope, fn), tiny=tiny, early=early)

    def write_blocking(self, scope: Scope, fn: Callable[[Tx], T]) -> T:
        unit = Unit(self._bound(scope, fn), None)
        self._writer.submit(unit)
        return unit.wait()

    async def purge(self) -> str | None:
        await self._outside(partial(rewrite, path=self.path))
        deadline = time.monotonic() + _PATIENCE_WITH_READERS
        while not await self._outside(empty_log):
            if time.monotonic() > deadline:
                raise StorageBusy("A program that reads the database keeps its log from being cut.")
            await asyncio.sleep(_LOOK_AGAIN)
        return None

    async def _outside(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Work on the writer's connection outside of any transaction, and alone."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(Unit(fn, future, outside=True))
        return await future

    def index_shared(self) -> None:
        """Nothing: all vectors of an owner are compared."""

    async def tenants(self, job: str) -> list[str]:
        scope = Scope("*", None)
        return await self.read(scope, lambda tx: [row[0] for row in tx.rows(system.TENANTS)])

    async def close(self) -> None:
        loop = asyncio.get_running_loop()
        if self._readers is not None:
            await loop.run_in_executor(None, self._readers.shutdown)
        for connection in (*self._opened, *([self._near] if self._near else [])):
            connection.close()
        await loop.run_in_executor(None, self._writer.close)

    async def _submit(
        self,
        scope: Scope,
        fn: Callable[[Tx], T],
        *,
        tiny: bool,
        early: Callable[[T], None] | None = None,
    ) -> T:
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._writer.submit(Unit(self._bound(scope, fn), future, tiny=tiny, early=early))
        return await future

    def _bound(self, scope: Scope, fn: Callable[[Tx], T]) -> Callable[[sqlite3.Connection], T]:
        return lambda connection: fn(SqliteTx(connection, scope))

    def _read(self, scope: Scope, fn: Callable[[Tx], T]) -> T:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self._connect(reader=True)
            self._opened.append(connection)
        return _snapshot(connection, scope, fn)

    def _connect(self, *, reader: bool = False) -> sqlite3.Connection:
        try:
            connection = connect(str(self.path or ":memory:"), self._settings)
            if reader:
                connection.execute("PRAGMA query_only=ON")
        except sqlite3.Error as error:
            raise translate(error) or error from error
        return connection


def _snapshot(connection: sqlite3.Connection, scope: Scope, fn: Callable[[Tx], T]) -> T:
    """What `fn` finds in one consistent view of the file."""
    try:
        connection.execute("BEGIN")
        try:
            return fn(SqliteTx(connection, scope))
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
    except Exception as error:
        typed = translate(error)
        if typed is None:
            raise
        raise typed from error
