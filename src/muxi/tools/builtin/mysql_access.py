"""MySQL and MariaDB for the tools `sql`: asked so that reading cannot change anything.

Each call has a connection and a transaction of its own, which is read-only for a query. One command
takes one statement, and comments that these databases execute are refused, so that the first word
says what a statement is. A role that could reach files of the server, or become another, is
refused. Statements are not wrapped, because MariaDB drops the order of what is in brackets; the
bytes of an answer are bounded as they come in.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cache, partial
from typing import Any, cast

from muxi.core.errors import (
    MissingExtra,
    ToolArgumentsInvalid,
    ToolDenied,
    ToolFailed,
    ToolTimeout,
)
from muxi.tools.builtin.sql_rows import (
    Limits,
    first_word,
    plain_statement,
    reading_statement,
    written_table,
)
from muxi.tools.builtin.sql_schema import Column, Table, qualified, written_schema
from muxi.tools.builtin.sql_threads import ThreadedAccess

_GRANT = re.compile(r"GRANT (?P<what>.+?) ON (?P<where>\S+) TO ")
_POWERS = frozenset(
    {
        *("ALL PRIVILEGES", "FILE", "SUPER", "CREATE USER", "PROXY", "SET USER"),
        *("SYSTEM_VARIABLES_ADMIN", "SET_USER_ID", "SET_ANY_DEFINER", "ROLE_ADMIN"),
    }
)
"""What lets a role reach files of the server or act as another; `ALL PRIVILEGES` has all of it."""
_ENDING = ("begin", "start", "commit", "rollback", "savepoint", "release", "prepare", "xa")
_TIMED_OUT = (1205, 1317, 1969, 3024)
_READ_ONLY = 1792
_FROM_CLIENT = 2000
"""Codes from here on are of the connection, not of the statement."""
_PATIENCE = 2.0
"""Seconds that the server has to end a statement by itself."""
_MAX_ANSWER = 32_000_000
"""Bytes that one call may receive."""

_COLUMNS = """
SELECT table_schema, table_name, column_name, column_type, is_nullable, column_key, column_comment
FROM information_schema.columns
WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys')
ORDER BY table_schema, table_name, ordinal_position
"""
_TARGETS = """
SELECT table_schema, table_name, column_name, referenced_table_name, referenced_column_name
FROM information_schema.key_column_usage WHERE referenced_table_name IS NOT NULL
"""


class MySqlAccess(ThreadedAccess):
    """One database, by its address.

    Raises:
        MissingExtra: The driver is not installed.
    """

    def __init__(self, url: str) -> None:
        _connection_class()
        super().__init__(partial(_Call, url))


class _Call:
    """One question, with a connection of its own. `stop` may come from another thread."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._server_thread: int | None = None

    def query(self, statement: str, limits: Limits) -> str:
        asked = reading_statement(statement)
        if "/*!" in asked or "/*M!" in asked.upper():
            raise ToolArgumentsInvalid("Comments that are executed are not possible here.")
        with self._opened(limits, read_only=True) as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION sql_select_limit = %s", (limits.rows + 1,))
            cursor.execute(asked)
            if cursor.description is None:
                raise ToolArgumentsInvalid("The statement gives no rows.", hint="Write a SELECT.")
            return _table(cursor, limits)

    def execute(self, statement: str, limits: Limits) -> str:
        asked = plain_statement(statement)
        if first_word(asked) in _ENDING:
            raise ToolArgumentsInvalid("Transactions begin and end by themselves.", hint="")
        with self._opened(limits, read_only=False) as connection, connection.cursor() as cursor:
            cursor.execute(asked)
            told = "" if cursor.description is None else f"\n{_table(cursor, limits)}"
            count = max(0, cursor.rowcount)
            connection.commit()
            return f"Done. {count} rows changed.{told}"

    def schema(self, table: str, limits: Limits) -> str:
        with self._opened(limits, read_only=True) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT database()")
            ((default,),) = cursor.fetchall()
            found: dict[tuple[str, str], Table] = {}
            cursor.execute(_COLUMNS)
            for schema, name, column, type_, nullable, key, comment in cursor.fetchall():
                known = found.setdefault((schema, name), Table(qualified(schema, name, default)))
                known.columns.append(
                    Column(column, type_, nullable == "YES", key == "PRI", comment or "")
                )
            cursor.execute(_TARGETS)
            for schema, name, column, other, target in cursor.fetchall():
                if (schema, name) in found:
                    found[schema, name].targets[column] = f"{other}.{target}"
            return written_schema(found.values(), table, max_text=limits.text)

    def stop(self) -> None:
        """Let the server end what it does for this call. Needs a connection beside the first."""
        import pymysql

        with self._lock:
            thread = self._server_thread
        if thread is None:
            return
        with suppress(pymysql.MySQLError), self._connect(5) as connection:
            connection.kill(thread)

    @contextmanager
    def _opened(self, limits: Limits, *, read_only: bool) -> Generator[Any]:
        """A connection of its own for one call, with its failures told."""
        import pymysql

        started = time.monotonic()
        try:
            connection = self._connect(limits.seconds + _PATIENCE)
        except (pymysql.MySQLError, OSError, RuntimeError) as error:
            raise ToolFailed(f"MySQL cannot be reached: {_words(error)}", hint="") from error
        with self._lock:
            self._server_thread = connection.thread_id()
        try:
            _prepare(connection, limits, read_only=read_only)
            yield connection
        except pymysql.MySQLError as error:
            code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
            late = time.monotonic() - started >= limits.seconds
            if late:
                self.stop()
            if code in _TIMED_OUT or (late and code >= _FROM_CLIENT):
                words = f"The statement took longer than {limits.seconds:g} s."
                raise ToolTimeout(words, hint="Ask for less.") from error
            raise _told(error, code) from error
        finally:
            with self._lock:
                self._server_thread = None
            if connection.open:
                connection.close()

    def _connect(self, patience: float) -> Any:
        from pymysql.constants import CLIENT
        from sqlalchemy import make_url
        from sqlalchemy.dialects.mysql.pymysql import MySQLDialect_pymysql

        address = make_url(self._url).set(drivername="mysql+pymysql")
        _, told = MySQLDialect_pymysql().create_connect_args(address)
        options: dict[str, Any] = {
            **told,
            "charset": "utf8mb4",
            "connect_timeout": 10,
            "read_timeout": patience,
            "write_timeout": patience,
            # Whatever the address says: no files of this machine, and one statement at a time.
            "local_infile": False,
            "client_flag": CLIENT.FOUND_ROWS,
        }
        return _connection_class()(**options)


@cache
def _connection_class() -> type[Any]:
    """A connection that receives no more than one call may. Raises `MissingExtra`."""
    try:
        from pymysql.connections import Connection
        from pymysql.err import OperationalError
    except ImportError:
        raise MissingExtra(
            "MySQL is reached through PyMySQL, which is not installed.",
            hint="pip install 'muxi[mysql]'",
        ) from None

    class Bounded(cast("type[Any]", Connection)):
        room = _MAX_ANSWER

        def _read_bytes(self, num_bytes: int) -> bytes:
            self.room -= num_bytes
            if self.room < 0:
                self._force_close()  # nothing else leaves the rest unread
                raise OperationalError(1153, "the answer is too large; ask for less of it")
            return super()._read_bytes(num_bytes)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- the one place through which all bytes come is not in the types

    return Bounded


def _prepare(connection: Any, limits: Limits, *, read_only: bool) -> None:
    """Bound the session, and refuse a role that has too much power."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW GRANTS")
        if any(_too_powerful(str(line)) for (line,) in cursor.fetchall()):
            raise ToolDenied(
                "The role of this database can reach beyond it, so agents may not have it.",
                hint="Give the address of a role that has rights on its own database only.",
            )
        if "mariadb" in str(connection.get_server_info()).lower():
            cursor.execute("SET SESSION max_statement_time = %s", (limits.seconds,))
        else:
            bound = max(1, int(limits.seconds * 1_000))
            cursor.execute("SET SESSION max_execution_time = %s", (bound,))
        whole = max(1, round(limits.seconds))
        cursor.execute(
            "SET SESSION lock_wait_timeout = %s, innodb_lock_wait_timeout = %s", (whole, whole)
        )
        if read_only:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute("START TRANSACTION READ ONLY")


def _too_powerful(grant: str) -> bool:
    """Whether a line of SHOW GRANTS lets its role out of its databases."""
    found = _GRANT.match(grant)
    if found is None:
        return False
    what = {each.strip().upper() for each in found["what"].split(",")}
    everywhere = found["where"] == "*.*" or found["where"].startswith("`mysql`.")
    if "PROXY" in what:
        return True
    # Whoever writes the tables of rights gives rights to itself.
    return everywhere and bool(what & (_POWERS | {"INSERT", "UPDATE"}))


def _told(error: Exception, code: int) -> ToolFailed | ToolArgumentsInvalid:
    if code >= _FROM_CLIENT:
        return ToolFailed(f"MySQL cannot be asked: {_words(error)}", hint="")
    if code == _READ_ONLY:
        words = "The statement would change something, and here it may only read."
        return ToolArgumentsInvalid(words, hint="Write a SELECT.")
    return ToolArgumentsInvalid(
        f"MySQL refused: {_words(error)}",
        hint="Give one statement; see sql_schema for tables and columns.",
    )


def _table(cursor: Any, limits: Limits) -> str:
    names = [str(column[0])[:100] for column in cursor.description]
    rows = cast("list[tuple[Any, ...]]", cursor.fetchmany(limits.rows + 1))
    return written_table(names, ([_plain(value) for value in row] for row in rows), limits)


def _plain(value: Any) -> Any:
    return f"<{len(value)} bytes>" if isinstance(value, bytes) else value


def _words(error: Exception) -> str:
    """What the server or the driver says, in one line and without the address."""
    return " ".join(str(error.args[-1] if error.args else error).split())[:500]
