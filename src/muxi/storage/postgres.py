"""PostgreSQL as a database of muxi: a pool of connections, used from worker threads.

Opened by `open_database`. Each transaction names its tenant to the database, whose row-level
security then hides all others; a role that could look past it is refused.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, LiteralString, TypeVar, cast

import psycopg
import psycopg.sql
from psycopg import Connection, IsolationLevel
from psycopg_pool import ConnectionPool

from muxi.core.errors import StorageError, StorageUnavailable
from muxi.storage.postgres_errors import translate
from muxi.storage.sql import system
from muxi.storage.statements import Dialect, Statement
from muxi.storage.transaction import Database, Row, Scope, Tx, is_guarded, unit_of
from muxi.storage.upgrade import CURRENT, Target, check_version

T = TypeVar("T")
_log = logging.getLogger(__name__)

_SCOPE = (
    "SELECT set_config('muxi.tenant', %s, true), set_config('muxi.principal', %s, true), "
    "set_config('muxi.job', %s, true)"
)
_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
_MAY_BYPASS = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
_OWN_TABLES = (
    "SELECT tablename FROM pg_tables WHERE tableowner = current_user "
    "AND schemaname = current_schema()"
)
_WAIT = 10.0
"""Seconds to wait for a connection."""
_TRIES = 5
"""How often a guarded unit is done anew because somebody else changed what it read."""


class PostgresTx(Tx):
    """A transaction on one connection, bound to its tenant by the database itself."""

    __slots__ = ("_connection",)

    dialect: Dialect = "postgresql"

    def __init__(self, connection: Connection[Row], scope: Scope) -> None:
        super().__init__(scope)
        self._connection = connection

    def rows(self, statement: Statement, **parameters: Any) -> list[Row]:
        return self._execute(statement, parameters).fetchall()

    def row(self, statement: Statement, **parameters: Any) -> Row | None:
        return self._execute(statement, parameters).fetchone()

    def run(self, statement: Statement, **parameters: Any) -> int:
        return self._execute(statement, parameters).rowcount

    def run_many(self, statement: Statement, parameters: Iterable[Mapping[str, Any]]) -> None:
        own = {"tenant": self.scope.tenant, "principal": self.scope.principal}
        with self._connection.cursor() as cursor:
            cursor.executemany(_sql(statement.postgresql), [{**one, **own} for one in parameters])

    def raw(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        return self._connection.execute(_sql(sql), parameters).fetchall()

    def clock(self) -> int:
        return int(self.raw(_CLOCK)[0][0])

    def _execute(self, statement: Statement, parameters: dict[str, Any]) -> psycopg.Cursor[Row]:
        parameters["tenant"] = self.scope.tenant
        parameters["principal"] = self.scope.principal
        # Bytes would else come as twice as many letters.
        return self._connection.execute(_sql(statement.postgresql), parameters, binary=True)


class PostgresDatabase(Database):
    """A PostgreSQL database behind a pool."""

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, *, pool: int, owner_url: str | None = None) -> None:
        self._size = pool
        self._owner_url = owner_url
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            url, min_size=1, max_size=pool, timeout=_WAIT, open=True, name="muxi"
        )
        self._threads = ThreadPoolExecutor(pool, "muxi-postgres")

    async def read(self, scope: Scope, fn: Callable[[Tx], T], *, tiny: bool = False) -> T:
        return await self._in_thread(scope, fn, reads=True)

    async def write(
        self,
        scope: Scope,
        fn: Callable[[Tx], T],
        *,
        tiny: bool = False,
        early: Callable[[T], None] | None = None,
    ) -> T:
        # A condition must still hold at the commit; a note merely goes along.
        guarded = is_guarded()
        return await self._in_thread(scope, unit_of(scope, fn), guarded=guarded)

    def write_blocking(self, scope: Scope, fn: Callable[[Tx], T]) -> T:
        return self._work(scope, fn)

    async def purge(self) -> str | None:
        if self._owner_url is None:
            return (
                "Dead tuples, until PostgreSQL's own vacuum has come by: only the role that owns "
                "the tables (`storage.owner_url`) may vacuum them at once."
            )
        await asyncio.get_running_loop().run_in_executor(self._threads, _vacuum, self._owner_url)
        return None

    def index_shared(self) -> None:
        if self._owner_url is not None:
            # Not one of the pool's threads: it may take minutes, for which no process is to stay.
            threading.Thread(
                target=_index_shared, args=(self._owner_url,), name="muxi-index", daemon=True
            ).start()

    async def tenants(self, job: str) -> list[str]:
        return await self._in_thread(
            Scope("*", None),
            lambda tx: [row[0] for row in tx.rows(system.TENANTS)],
            reads=True,
            job=job,
        )

    async def close(self) -> None:
        def close() -> None:
            self._threads.shutdown()
            self._pool.close()

        await asyncio.get_running_loop().run_in_executor(None, close)

    async def _in_thread(
        self,
        scope: Scope,
        fn: Callable[[Tx], T],
        *,
        reads: bool = False,
        guarded: bool = False,
        job: str = "",
    ) -> T:
        loop = asyncio.get_running_loop()
        work = partial(self._work, scope, fn, reads=reads, guarded=guarded, job=job)
        try:
            return await loop.run_in_executor(self._threads, work)
        except RuntimeError as error:
            if "shutdown" in str(error):
                raise StorageUnavailable("The database is closed.") from error
            raise

    def _work(
        self,
        scope: Scope,
        fn: Callable[[Tx], T],
        *,
        reads: bool = False,
        guarded: bool = False,
        job: str = "",
    ) -> T:
        work = partial(self._attempt, scope, fn, reads=reads, guarded=guarded, job=job)
        with _typed():
            for _ in range(_TRIES if guarded else 0):
                # Somebody was quicker: whether the condition holds now is told by another look.
                with suppress(psycopg.errors.SerializationFailure):
                    return work()
            return work()

    def _attempt(
        self, scope: Scope, fn: Callable[[Tx], T], *, reads: bool, guarded: bool, job: str
    ) -> T:
        with self._begun(scope, reads=reads, guarded=guarded, job=job) as connection:
            return fn(PostgresTx(connection, scope))

    @contextmanager
    def _begun(
        self, scope: Scope, *, reads: bool, guarded: bool, job: str
    ) -> Generator[Connection[Row]]:
        """A connection in a transaction of this scope, committed at the end.

        One that is `guarded` fails if what its condition has read is changed before it ends.
        """
        steady = IsolationLevel.REPEATABLE_READ if reads or guarded else None
        for attempt in range(self._size + 1):
            with self._pool.connection() as connection:
                connection.read_only = reads
                connection.isolation_level = steady
                try:
                    connection.execute(_SCOPE, (scope.tenant, scope.principal or "", job))
                except psycopg.OperationalError:
                    # The server was restarted while this connection lay idle. Nothing was done
                    # yet, so that another may be taken; the pool throws this one away.
                    if attempt == self._size or not connection.closed:
                        raise
                    continue
                yield connection
                return


async def open_postgres(
    url: str, *, owner_url: str | None, pool: int, target: Target = CURRENT
) -> Database:
    """Open a PostgreSQL database whose schema is current, migrating it as its owner if need be."""
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, _prepare, url, owner_url, target)
    return await loop.run_in_executor(
        None, lambda: PostgresDatabase(url, pool=pool, owner_url=owner_url)
    )


def _vacuum(owner_url: str) -> None:
    """Remove the dead tuples of every table of muxi, and what their indexes say of them."""
    with _typed(), psycopg.connect(owner_url, autocommit=True) as connection:
        names = connection.execute(_OWN_TABLES).fetchall()
        for (name,) in names:
            connection.execute(psycopg.sql.SQL("VACUUM {}").format(psycopg.sql.Identifier(name)))


def _index_shared(owner_url: str) -> None:
    from muxi.storage import shared_vectors

    try:
        for note in shared_vectors.prepare(owner_url):
            _log.info("%s", note)
    except StorageError as error:
        _log.warning("%s They are compared one by one.", error.message)


def _prepare(url: str, owner_url: str | None, target: Target) -> None:
    with _typed():
        version, oldest, bypasses = _look(url)
        if bypasses:
            raise StorageError(
                "The server's role may look past row-level security, so that tenants would not be "
                "kept apart.",
                hint="Use a role without SUPERUSER and BYPASSRLS; `muxi.storage.roles.roles_sql` "
                "prints the SQL that makes one.",
            )
        check_version(version, oldest, target)
        if version >= target.version:
            return
        if owner_url is None:
            raise StorageError(
                f"The database has schema {version}, and this muxi needs {target.version}.",
                hint="Give the address of the role that owns the tables as `owner_url`, so that "
                "they can be migrated.",
            )
        from muxi.storage.migrations.run import upgrade

        upgrade(owner_url, to=target.version, scripts=target.scripts)


def _look(url: str) -> tuple[int, str, bool]:
    """Schema version (0 for none), oldest program, and whether security does not bind the role."""
    with psycopg.connect(url, autocommit=True, connect_timeout=int(_WAIT)) as connection:
        bypasses = connection.execute(_MAY_BYPASS).fetchone()
        exists = connection.execute("SELECT to_regclass('schema_info')").fetchone()
        info = (
            connection.execute(_sql(system.INFO.postgresql)).fetchone()
            if exists and exists[0]
            else None
        )
    version, oldest = info or (0, "0")
    return int(version), str(oldest), bool(bypasses and bypasses[0])


@contextmanager
def _typed() -> Generator[None]:
    try:
        yield
    except Exception as error:
        typed = translate(error)
        if typed is None:
            raise
        raise typed from error


def _sql(text: str) -> LiteralString:
    return cast("LiteralString", text)
