"""Runs migrations. Imported only when a schema is not current, for Alembic is not light.

Called by `upgrade` and by the command that migrates back; on SQLite the caller holds the project,
on PostgreSQL one node at a time gets the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy
from alembic import command
from alembic.config import Config
from sqlalchemy import URL, Connection, Engine, NullPool, event, text
from sqlalchemy.exc import DBAPIError

from muxi.core.errors import StorageError

SCRIPTS = Path(__file__).parent
_LOCK = 0x6D757869
"""Number of PostgreSQL's advisory lock: the letters of muxi."""


def upgrade(url: str, *, to: int | None = None, scripts: Path = SCRIPTS) -> None:
    """Bring the database at `url` to schema `to`, by default the newest.

    Raises:
        StorageError: A step failed; the schema is as it was.
    """
    _run(url, scripts, lambda config: command.upgrade(config, f"{to:04}" if to else "head"))


def downgrade(url: str, *, to: int, scripts: Path = SCRIPTS) -> None:
    """Bring the database back to schema `to`; 0 removes everything.

    Raises:
        StorageError: A step failed; the schema is as it was.
    """
    _run(url, scripts, lambda config: command.downgrade(config, f"{to:04}" if to else "base"))


def _run(url: str, scripts: Path, work: Callable[[Config], None]) -> None:
    engine = _engine(url)
    try:
        with engine.connect() as connection, _alone(connection):
            config = Config()
            config.set_main_option("script_location", str(scripts).replace("%", "%%"))
            config.attributes["connection"] = connection
            work(config)
    except DBAPIError as error:
        raise StorageError(f"The schema could not be migrated: {error.orig}") from error
    finally:
        engine.dispose()


def _engine(url: str) -> Engine:
    if url.startswith("sqlite:"):
        path = url.removeprefix("sqlite:///")
        engine = sqlalchemy.create_engine(URL.create("sqlite", database=path), poolclass=NullPool)
        # The driver would commit before each change of the schema; told to leave transactions
        # alone, it lets SQLite undo a step that fails half way.
        event.listen(engine, "connect", _leave_transactions)
        event.listen(engine, "begin", _begin)
        return engine
    address = url.partition("://")[2]
    return sqlalchemy.create_engine(f"postgresql+psycopg://{address}", poolclass=NullPool)


def _leave_transactions(connection: object, _: object) -> None:
    connection.isolation_level = None  # pyright: ignore[reportAttributeAccessIssue] -- a sqlite3.Connection behind SQLAlchemy's hook


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _alone(connection: Connection) -> Generator[None]:
    """Hold the lock that keeps other nodes from migrating at the same time."""
    if connection.dialect.name != "postgresql":
        yield
        return
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.commit()
    try:
        yield
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
        connection.commit()
