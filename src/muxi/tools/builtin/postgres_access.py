"""PostgreSQL for the tools `sql`: asked so that reading cannot change anything.

Each call has a connection and a transaction of its own. Statements go through the extended
protocol, which takes one at a time; the transaction is read-only and cannot be made another inside
a query; and a role that could reach files or programs of the server, or become one that can, is
refused.
"""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from muxi.core.errors import ToolArgumentsInvalid, ToolDenied, ToolFailed, ToolTimeout
from muxi.tools.builtin.sql_rows import (
    MAX_CELL,
    Limits,
    first_word,
    plain_statement,
    reading_statement,
    written_table,
)
from muxi.tools.builtin.sql_threads import ThreadedAccess

if TYPE_CHECKING:
    import psycopg

_POWERS = """
SELECT coalesce(bool_or(rolsuper OR rolname IN
    ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')), false)
FROM pg_catalog.pg_roles WHERE pg_catalog.pg_has_role(session_user, oid, 'MEMBER')
"""
_UNWRAPPED = ("explain", "show")
"""Statements that cannot stand in the place of a table."""
_ENDING = (
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "prepare",
)


class PostgresAccess(ThreadedAccess):
    """One database, by its address."""

    def __init__(self, url: str) -> None:
        super().__init__(partial(_Call, url))


class _Call:
    """One question, with a connection of its own. `stop` may come from another thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Any] | None = None

    def query(self, statement: str, limits: Limits) -> str:
        asked = reading_statement(statement)
        with self._opened(limits, read_only=True) as connection:
            names = _described(connection, asked)
            wrapped = asked
            if first_word(asked) not in _UNWRAPPED:
                columns = [f"c{number}" for number in range(len(names))]
                # Whatever its type, a value is cut before it leaves the server.
                shown = ", ".join(f"left({each}::text, {MAX_CELL + 1})" for each in columns)
                wrapped = (
                    f"SELECT {shown} FROM (\n{asked}\n) AS muxi_asked({', '.join(columns)})"  # noqa: S608 -- what is asked is the model's own statement, which the transaction holds to reading
                    f" LIMIT {limits.rows + 1}"
                )
            with connection.cursor() as cursor:
                return written_table(names, cursor.stream(wrapped.encode()), limits)

    def execute(self, statement: str, limits: Limits) -> str:
        asked = plain_statement(statement)
        if first_word(asked) in _ENDING:
            raise ToolArgumentsInvalid("Transactions begin and end by themselves.", hint="")
        with self._opened(limits, read_only=False) as connection:
            with connection.cursor() as cursor:
                cursor.execute(asked.encode(), prepare=True)
                told = ""
                if cursor.description is not None:
                    names = [column.name for column in cursor.description]
                    told = f"\n{written_table(names, cursor.fetchmany(limits.rows + 1), limits)}"
                count = max(0, cursor.rowcount)
            connection.commit()
            return f"Done. {count} rows changed.{told}"

    def schema(self, table: str, limits: Limits) -> str:
        from sqlalchemy import create_engine
        from sqlalchemy.pool import StaticPool

        from muxi.tools.builtin.sql_schema import reflected, written_schema

        with self._opened(limits, read_only=True) as opened:
            engine = create_engine(
                "postgresql+psycopg://", creator=lambda: opened, poolclass=StaticPool
            )
            with engine.connect() as connection:
                return written_schema(reflected(connection), table, max_text=limits.text)

    def stop(self) -> None:
        with self._lock:
            connection = self._connection
        if connection is not None:
            connection.cancel_safe(timeout=5)

    @contextmanager
    def _opened(self, limits: Limits, *, read_only: bool) -> Generator[psycopg.Connection[Any]]:
        """A connection of its own for one call, with its failures told."""
        import psycopg

        connection = self._connect(limits)
        with self._lock:
            self._connection = connection
        try:
            connection.read_only = read_only
            powerful = connection.execute(_POWERS).fetchone()
            if powerful is None or powerful[0]:
                raise ToolDenied(
                    "The role of this database can reach beyond it, so agents may not have it.",
                    hint="Give the address of a role without superuser and server-file rights.",
                )
            yield connection
        except psycopg.errors.QueryCanceled as error:
            words = f"The statement took longer than {limits.seconds:g} s."
            raise ToolTimeout(words, hint="Ask for less.") from error
        except psycopg.errors.ReadOnlySqlTransaction as error:
            words = "The statement would change something, and here it may only read."
            raise ToolArgumentsInvalid(words, hint="Write a SELECT.") from error
        except psycopg.OperationalError as error:
            raise ToolFailed(f"PostgreSQL cannot be asked: {_words(error)}", hint="") from error
        except psycopg.Error as error:
            raise ToolArgumentsInvalid(
                f"PostgreSQL refused: {_words(error)}",
                hint="Give one statement; see sql_schema for tables and columns.",
            ) from error
        finally:
            with self._lock:
                self._connection = None
            with suppress(psycopg.Error):
                connection.close()

    def _connect(self, limits: Limits) -> psycopg.Connection[Any]:
        import psycopg
        from sqlalchemy import make_url

        bound = max(1, int(limits.seconds * 1_000))
        options = {
            "statement_timeout": bound,
            "lock_timeout": bound,
            "idle_in_transaction_session_timeout": 2 * bound,
        }
        address = make_url(self._url).set(drivername="postgresql")
        try:
            return psycopg.connect(
                address.render_as_string(hide_password=False),
                connect_timeout=10,
                options=" ".join(f"-c {name}={value}" for name, value in options.items()),
                application_name="muxi agent",
            )
        except psycopg.Error as error:
            raise ToolFailed(f"PostgreSQL cannot be reached: {_words(error)}", hint="") from error


def _described(connection: psycopg.Connection[Any], statement: str) -> list[str]:
    """The names of the columns that a statement gives, without running it."""
    import psycopg
    from psycopg import pq

    encoding = connection.info.encoding
    prepared = connection.pgconn.prepare(b"", statement.encode(encoding))
    if prepared.status != pq.ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(prepared, encoding=encoding)
    described = connection.pgconn.describe_prepared(b"")
    if not described.nfields:
        raise ToolArgumentsInvalid("The statement gives no rows.", hint="Write a SELECT.")
    names = (described.fname(number) or b"" for number in range(described.nfields))
    return [name.decode(errors="replace")[:100] for name in names]


def _words(error: psycopg.Error) -> str:
    """What the server or the driver says, in one line and without the address."""
    primary = error.diag.message_primary
    return " ".join((primary or str(error)).split())[:500]
