"""What PostgreSQL's errors mean in muxi's terms. Called by `postgres`."""

from __future__ import annotations

import psycopg
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from muxi.core.errors import (
    AccessDenied,
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

# The first that fits decides: narrow kinds stand before the wide ones that hold them.
_KINDS: tuple[
    tuple[type[Exception] | tuple[type[Exception], ...], type[MuxiError], str | None], ...
] = (
    (
        (UnicodeEncodeError, OverflowError),
        InvalidInput,
        "A value cannot be stored: it is too large or no valid Unicode.",
    ),
    (errors.UniqueViolation, Conflict, "This exists already."),
    (errors.ForeignKeyViolation, NotFound, "The thing that this belongs to does not exist."),
    (
        errors.InsufficientPrivilege,
        AccessDenied,
        "The database does not allow this to the server's role.",
    ),
    (errors.ReadOnlySqlTransaction, StorageReadOnly, None),
    ((errors.DiskFull, errors.OutOfMemory), StorageFull, None),
    (
        (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable),
        StorageBusy,
        None,
    ),
    ((errors.DataCorrupted, errors.IndexCorrupted), StorageCorrupt, "The database is damaged."),
    (psycopg.DataError, InvalidInput, "A value cannot be stored in the database."),
    ((PoolTimeout, PoolClosed, TooManyRequests), StorageUnavailable, None),
    (psycopg.OperationalError, StorageUnavailable, None),
    (psycopg.InterfaceError, StorageUnavailable, None),
)


def translate(error: Exception) -> MuxiError | None:
    """The typed error for `error`, or None if it does not come from the database."""
    for kinds, typed, message in _KINDS:
        if isinstance(error, kinds):
            return typed(message)
    if isinstance(error, psycopg.Error):
        # Not the whole text: it may quote values.
        return StorageError(sqlstate=error.sqlstate)
    return None
