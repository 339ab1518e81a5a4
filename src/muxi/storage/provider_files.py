"""What providers of models keep of blobs: rows that say where, and under which id.

Called by `runtime.kept_files` and by the verifier of forgetting. A row outlives its blob until the
provider has deleted its file: so nothing has to be written down when a blob goes, and nothing is
lost by a crash. Rows hold no name and no content.
"""

from __future__ import annotations

from dataclasses import dataclass

from muxi.core.status import FilesAtProvider
from muxi.storage.records import column, instant
from muxi.storage.sql import provider_files as sql
from muxi.storage.transaction import Tx

MOST_ATTEMPTS = 20
"""Times that a provider is asked to delete a file."""


@dataclass(frozen=True, slots=True)
class Place:
    """One content as one account of a provider keeps it."""

    hash: str
    account: str
    """Digest of the provider's address and the key."""
    form: str
    """Digest of what it was sent as."""


@dataclass(frozen=True, slots=True)
class Left:
    """A file that is still with a provider, though its blob is gone."""

    account: str
    file_id: str
    provider: str
    attempts: int
    """Times that the provider was asked to delete it."""
    next_try: int
    """Microseconds since 1970."""


def find(tx: Tx, place: Place, *, until: int) -> str | None:
    """The provider's id of a file that it keeps beyond an instant, in microseconds since 1970."""
    row = tx.row(sql.FIND, hash=place.hash, account=place.account, form=place.form, until=until)
    return None if row is None else row[0]


def is_stored(tx: Tx, hash: str) -> bool:
    """Whether a row of the tenant speaks of the blob."""
    return tx.row(sql.IS_STORED, hash=hash) is not None


def add(tx: Tx, place: Place, file_id: str, *, provider: str, expires_at: int | None) -> None:
    """A provider keeps a content now."""
    tx.run(
        sql.ADD,
        account=place.account,
        file_id=column(file_id),
        provider=provider,
        hash=place.hash,
        form=place.form,
        created_at=tx.now(),
        expires_at=expires_at,
        attempts=0,
        next_try=0,
        failed_at=None,
    )


def drop(tx: Tx, account: str, file_id: str) -> None:
    """The provider keeps it no more."""
    tx.run(sql.DROP, account=account, file_id=column(file_id))


def left(tx: Tx, *, limit: int) -> list[Left]:
    """What providers are still to delete, the next to be tried first."""
    rows = tx.rows(sql.LEFT, attempts=MOST_ATTEMPTS, now=tx.now(), limit=limit)
    return [Left(row[0], row[1], row[2], int(row[3]), int(row[4])) for row in rows]


def counts(tx: Tx) -> list[FilesAtProvider]:
    """What each provider keeps, and what of it should have gone."""
    return [
        FilesAtProvider(
            provider=row[0],
            kept=int(row[1]),
            left=int(row[2]),
            given_up=int(row[3]),
            failing_since=None if row[4] is None else instant(row[4]),
        )
        for row in tx.rows(sql.COUNT, attempts=MOST_ATTEMPTS, now=tx.now())
    ]


def drop_expired(tx: Tx) -> None:
    """What providers have deleted by themselves is spoken of no more."""
    tx.run(sql.DROP_EXPIRED, now=tx.now())


def try_later(tx: Tx, file: Left, *, next_try: int) -> None:
    """The provider could not be made to delete it."""
    tx.run(
        sql.LATER,
        account=file.account,
        file_id=file.file_id,
        attempts=file.attempts + 1,
        next_try=next_try,
        now=tx.now(),
    )
