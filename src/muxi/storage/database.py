"""Opens the project's database, whichever it is. Called by `runtime`; everything else is handed it.

The names that store functions and their callers need are all here: `Scope`, `Tx`, `Database`.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import unquote

from muxi.core.errors import ConfigError, StorageReadOnly, StorageUnavailable
from muxi.storage.snapshots import Snapshots
from muxi.storage.sqlite import SqliteDatabase, SqliteSettings
from muxi.storage.transaction import Database, Scope, Tx
from muxi.storage.upgrade import prepare_sqlite

__all__ = ["Database", "Scope", "Tx", "open_database", "sqlite_path"]

_MEMORY = ("sqlite://", "sqlite:///:memory:")


async def open_database(
    url: str,
    *,
    owner_url: str | None = None,
    sqlite: SqliteSettings | None = None,
    pool: int = 8,
    snapshots: Path | None = None,
    keep_snapshots: int = 5,
) -> Database:
    """Open a database and bring its schema up to date.

    Args:
        url: `sqlite:///muxi.db`, `sqlite:////absolute/muxi.db`, `sqlite://` for memory, or
            `postgresql://…` of a role that row-level security binds.
        owner_url: On PostgreSQL, the role that owns the tables, used only to migrate them.
        sqlite: How a SQLite file is treated.
        pool: The most connections to PostgreSQL.
        snapshots: Folder of a SQLite file's snapshots; by default `snapshots` beside the file.
        keep_snapshots: How many are kept.

    Raises:
        SchemaTooNew: A newer muxi wrote it, and it says that this one may not use it.
        StorageError: It cannot be opened, migrated or trusted.
        ConfigError: The address is of no database that muxi knows.
    """
    if url.startswith("sqlite:"):
        path = sqlite_path(url)
        folder = snapshots or (path.parent / "snapshots" if path else Path("snapshots"))
        settings = sqlite or SqliteSettings()
        kept = Snapshots(folder, keep=keep_snapshots)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, _open_sqlite, path, settings, kept)
    if url.startswith(("postgresql:", "postgres:")):
        from muxi.storage.postgres import open_postgres

        return await open_postgres(url, owner_url=owner_url, pool=pool)
    scheme = url.partition(":")[0]
    raise ConfigError(
        f"The storage address begins with {scheme!r}, which is no database that muxi knows.",
        hint="Use sqlite:///path/to/muxi.db or postgresql://user@host/name.",
    )


def sqlite_path(url: str) -> Path | None:
    """The file that a SQLite address names; None for a database in memory."""
    if url in _MEMORY:
        return None
    if not url.startswith("sqlite:///"):
        raise ConfigError(
            "A SQLite address has three slashes before a relative path and four before an "
            "absolute one.",
            hint="Use sqlite:///path/to/muxi.db.",
        )
    return Path(unquote(url.removeprefix("sqlite:///")))


def _open_sqlite(path: Path | None, settings: SqliteSettings, snapshots: Snapshots) -> Database:
    if path is not None:
        _make_room(path)
    database = SqliteDatabase(path, settings)
    try:
        database.use(lambda connection: prepare_sqlite(connection, path, snapshots))
        database.start()
    except BaseException:
        database.abandon()
        raise
    return database


def _make_room(path: Path) -> None:
    """Make the folder and the file, which only their owner may read."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            path.touch(mode=0o600)
    except PermissionError as error:
        raise StorageReadOnly(f"{path} cannot be created: {error.strerror}.") from error
    except OSError as error:
        raise StorageUnavailable(f"{path} cannot be created: {error.strerror}.") from error
