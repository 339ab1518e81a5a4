"""Files that people send: rows that say what is known of them.

Called by `runtime.files`. Nobody sees the file of another; a file holds its blob until it is
deleted, beside whatever messages refer to the same bytes.
"""

from __future__ import annotations

from muxi.core.errors import NotFound
from muxi.core.files import UploadedFile
from muxi.storage import blobs
from muxi.storage.blobs import Blob
from muxi.storage.records import Page, cursor, encode, micros, place
from muxi.storage.sql import files as sql
from muxi.storage.transaction import Tx

_LAST_ID = "\U0010ffff"


def create(tx: Tx, file: UploadedFile) -> UploadedFile:
    """Store a file that is about to be sent; the scope's principal owns it."""
    file.owner = tx.scope.principal or file.owner
    tx.run(
        sql.INSERT,
        id=file.id,
        owner=file.owner,
        hash=file.hash,
        size=file.size,
        created_at=micros(file.created_at),
        expires_at=None if file.expires_at is None else micros(file.expires_at),
        record=encode(file),
    )
    return file


def get(tx: Tx, file_id: str) -> UploadedFile:
    """Raises `NotFound` if there is none, or it is not the principal's."""
    row = tx.row(sql.GET, id=file_id)
    if row is None:
        raise NotFound(f"There is no file {file_id[:64]}.", file_id=file_id[:64])
    return UploadedFile.model_validate_json(row[0])


def update(tx: Tx, file: UploadedFile) -> UploadedFile:
    """Store the file as it is now. Raises `NotFound`."""
    changed = tx.run(
        sql.UPDATE,
        id=file.id,
        hash=file.hash,
        expires_at=None if file.expires_at is None else micros(file.expires_at),
        record=encode(file),
    )
    if not changed:
        raise NotFound(f"There is no file {file.id}.", file_id=file.id)
    return file


def hold(tx: Tx, file: UploadedFile, *held: Blob) -> UploadedFile:
    """The file is complete: store it as it is now, and that it uses these blobs."""
    for blob in held:
        blobs.add(tx, blob, holder=file.id)
    return update(tx, file)


def page(tx: Tx, *, after: str | None = None, limit: int = 50) -> Page[UploadedFile]:
    """The principal's files, the newest first."""
    before = place(after, 1)[0] if after else _LAST_ID
    owner = tx.scope.principal or ""
    rows = tx.rows(sql.PAGE, owner=owner, before_id=before, limit=limit + 1)
    found = [UploadedFile.model_validate_json(row[0]) for row in rows[:limit]]
    return Page(found, cursor(found[-1].id) if len(rows) > limit else None)


def taken(tx: Tx) -> int:
    """Bytes of all files of the principal, as far as they are meant to come."""
    row = tx.row(sql.TAKEN, owner=tx.scope.principal or "")
    return int(row[0]) if row else 0


def expired(tx: Tx, before: int) -> list[str]:
    """Files that were not sent to their end before an instant, in microseconds since 1970."""
    return [row[0] for row in tx.rows(sql.EXPIRED, before=before)]


def delete(tx: Tx, file_id: str) -> list[str]:
    """Delete a file; gives the hashes of blobs that nobody uses any more. Raises `NotFound`."""
    if not tx.run(sql.DELETE, id=file_id):
        raise NotFound(f"There is no file {file_id[:64]}.", file_id=file_id[:64])
    return blobs.release(tx, file_id)
