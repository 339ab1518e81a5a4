"""Brings a database to the schema of this program before it is used, or refuses it in words.

Called by `open_database`. A current schema is recognised by one query; Alembic and SQLAlchemy are
imported only when there is something to migrate. A new SQLite file gets the newest schema at once,
which a test holds equal to what the migrations give.
"""

from __future__ import annotations

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from muxi.core.errors import SchemaTooNew, StorageCorrupt, StorageError
from muxi.core.version import __version__
from muxi.storage.snapshots import Snapshots
from muxi.storage.sql import schema, system
from muxi.storage.sqlite_errors import translate


@dataclass(frozen=True, slots=True)
class Target:
    """A schema to bring a database to."""

    version: int
    scripts: Path
    """Folder of the migrations."""
    program: str
    """Version of the program that wants to use it."""


CURRENT = Target(schema.VERSION, Path(__file__).with_name("migrations"), __version__)


def prepare_sqlite(
    connection: sqlite3.Connection,
    path: Path | None,
    snapshots: Snapshots,
    target: Target = CURRENT,
) -> None:
    """Create or upgrade the schema on `connection`, after a snapshot if there is anything to lose.

    Raises:
        SchemaTooNew: A newer muxi wrote the file, and it says that this one may not use it.
        StorageError: The file holds something else, is damaged or cannot be written.
    """
    try:
        if _is_empty(connection):
            _create(connection)
        version, oldest = _info(connection)
    except sqlite3.Error as error:
        raise translate(error) or error from error
    check_version(version, oldest, target)
    if version < target.version and path is not None:
        from muxi.storage.migrations.run import upgrade

        snapshots.take(connection, version)
        upgrade(f"sqlite:///{path}", to=target.version, scripts=target.scripts)


def check_version(version: int, oldest_program: str, target: Target = CURRENT) -> None:
    """Raise `SchemaTooNew` if the stored schema excludes the program."""
    if version > target.version and _ordered(target.program) < _ordered(oldest_program):
        raise SchemaTooNew(
            f"This database was written by a newer muxi: it has schema {version} and needs muxi "
            f"{oldest_program} or later, and this is muxi {target.program}.",
            schema=version,
            oldest_program=oldest_program,
            program=target.program,
        )


def _is_empty(connection: sqlite3.Connection) -> bool:
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return tables[0] == 0


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been as quick: only one finds it still empty under the lock.
        if _is_empty(connection):
            for statement in schema.CREATE:
                connection.execute(statement)
            connection.execute(
                "INSERT INTO schema_info (version, oldest_program, applied_at) VALUES (?, ?, ?)",
                (schema.VERSION, schema.OLDEST_PROGRAM, time.time_ns() // 1000),
            )
            connection.execute(
                "INSERT INTO alembic_version (version_num) VALUES (?)", (f"{schema.VERSION:04}",)
            )
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _info(connection: sqlite3.Connection) -> tuple[int, str]:
    known = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name = 'schema_info'"
    ).fetchone()
    if known[0] == 0:
        raise StorageError("This file is a database of another program, not of muxi.")
    rows = connection.execute(system.INFO.sqlite).fetchall()
    if not rows:
        raise StorageCorrupt("The database does not say which schema it has.")
    return int(rows[0][0]), str(rows[0][1])


def _ordered(version: str) -> tuple[int, ...]:
    """Release numbers for comparison; `0.2.0rc1` counts as `0.2.0`."""
    numbers: list[int] = []
    for piece in version.split("."):
        digits = piece[: len(piece) - len(piece.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)
