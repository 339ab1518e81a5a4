"""What SQLite's errors mean in muxi's terms. Called by `sqlite`, and by snapshots and upgrades."""

from __future__ import annotations

import sqlite3

from muxi.core.errors import (
    Conflict,
    InvalidInput,
    MuxiError,
    NotFound,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)

_KINDS: dict[int, type[StorageError]] = {
    sqlite3.SQLITE_BUSY: StorageBusy,
    sqlite3.SQLITE_LOCKED: StorageBusy,
    sqlite3.SQLITE_READONLY: StorageReadOnly,
    sqlite3.SQLITE_PERM: StorageReadOnly,
    sqlite3.SQLITE_CORRUPT: StorageCorrupt,
    sqlite3.SQLITE_NOTADB: StorageCorrupt,
    sqlite3.SQLITE_FULL: StorageFull,
    sqlite3.SQLITE_CANTOPEN: StorageUnavailable,
    sqlite3.SQLITE_IOERR: StorageUnavailable,
}

_OF_THE_DISK = {
    sqlite3.SQLITE_CANTOPEN: (
        "The database file cannot be opened.",
        "Check that it is a file, and the permissions of it and of its folder.",
    ),
    sqlite3.SQLITE_IOERR: (
        "The disk failed while the database was read or written.",
        "Check the disk that holds the database; what was acknowledged before is on it.",
    ),
}


def translate(error: Exception) -> MuxiError | None:
    """The typed error for `error`, or None if it does not come from the database."""
    if isinstance(error, UnicodeEncodeError | OverflowError | sqlite3.DataError):
        return InvalidInput("A value cannot be stored: it is too large or no valid Unicode.")
    if not isinstance(error, sqlite3.Error):
        return None
    code: int = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
        return NotFound("The thing that this belongs to does not exist.")
    if code & 0xFF == sqlite3.SQLITE_CONSTRAINT:
        return Conflict("This exists already.")
    if code & 0xFF == sqlite3.SQLITE_TOOBIG:
        return InvalidInput("A value is larger than the database can hold.")
    kind = _KINDS.get(code & 0xFF, StorageError)
    name: str | None = getattr(error, "sqlite_errorname", None)
    if kind is StorageUnavailable:
        message, hint = _OF_THE_DISK[code & 0xFF]
        return StorageUnavailable(message, hint=hint, sqlite=name)
    return kind(sqlite=name) if kind is not StorageError else StorageError(str(error), sqlite=name)
