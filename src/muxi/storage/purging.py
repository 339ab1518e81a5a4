"""Takes from the files of a database what deleted rows have left there. Called by `Database.purge`.

SQLite keeps bytes of deleted rows: in pages that it has freed, and in the gaps of pages whose
cells it has moved, which `secure_delete` does not reach. Only a file that is written anew has none.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from muxi.core.errors import StorageBusy
from muxi.storage.sqlite_errors import translate

_IN_MEMORY = 64 << 20
"""Bytes of a file up to which its copy is made in memory; a larger one is made on the disk."""


def rewrite(connection: sqlite3.Connection, path: Path | None) -> None:
    """Write the file anew, with nothing in it but what is stored now.

    It takes about ten milliseconds a megabyte and, for that time, as much disk again.

    Args:
        connection: One that is in no transaction, and whose owner lets nobody write meanwhile.
        path: The file; None for a database in memory.

    Raises:
        StorageError: There is no room for it, or another program holds the file.
    """
    large = path is not None and path.stat().st_size > _IN_MEMORY
    try:
        if large:
            connection.execute("PRAGMA temp_store=FILE")
        try:
            connection.execute("VACUUM")
        finally:
            connection.execute("PRAGMA temp_store=MEMORY")
    except sqlite3.Error as error:
        raise translate(error) or error from error


def empty_log(connection: sqlite3.Connection) -> bool:
    """Bring the write-ahead log home and cut it to nothing; whether no reader stood in the way."""
    try:
        row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        typed = translate(error)
        if isinstance(typed, StorageBusy):
            return False
        raise typed or error from error
    return row is None or row[0] == 0
