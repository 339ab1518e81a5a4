"""What is known of blobs, whose bytes lie in a `storage.blob_files.BlobFiles`, and who uses them.

The bytes are written first, then the row in the transaction that refers to them; a row goes when
nobody uses it, and the bytes when there is no row. So there is never a row without its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxi.core.errors import NotFound
from muxi.storage.records import column
from muxi.storage.sql import blobs as sql
from muxi.storage.transaction import Tx


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes outside the rows."""

    hash: str
    """`sha256:` and the hex digest of the content."""
    size: int
    media_type: str


def add(tx: Tx, blob: Blob, *, holder: str) -> None:
    """Record that `holder`, such as a thread id, uses the blob."""
    media_type = column(blob.media_type)
    tx.run(sql.ADD, hash=blob.hash, size=blob.size, media_type=media_type, created_at=tx.now())
    tx.run(sql.USE, hash=blob.hash, holder=holder)


def get(tx: Tx, hash: str) -> Blob:
    """Raises `NotFound` if there is none, or it is in no thread that the principal sees."""
    row = tx.row(sql.GET, hash=hash)
    if row is None:
        raise NotFound(f"There is no blob {hash}.")
    return Blob(hash, int(row[0]), row[1])


def references(tx: Tx, hash: str) -> int:
    """How many holders use the blob."""
    row = tx.row(sql.COUNT, hash=hash)
    return int(row[0]) if row else 0


def release(tx: Tx, holder: str) -> list[str]:
    """End all uses by `holder` and return the hashes that nobody uses any more."""
    if not tx.run(sql.DROP_USES, holder=holder):
        return []
    return [row[0] for row in tx.rows(sql.DROP_UNUSED)]


def hashes(tx: Tx) -> set[str]:
    """All blobs of the tenant."""
    return {row[0] for row in tx.rows(sql.HASHES)}
