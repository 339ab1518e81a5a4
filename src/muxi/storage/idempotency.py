"""Idempotency keys: each stands for one request of an owner and for the answer that it got.

Called by `runtime.idempotency`. A key is known by its digest, and the answer comes sealed, since it
may hold what is told only once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from muxi.storage.sql import idempotency as sql
from muxi.storage.transaction import Tx

State = Literal["open", "kept", "repeatable", "lost"]
"""Of the request: being carried out; its answer is kept; it is to be carried out again, which then
finds what it made; or it was answered with what cannot be kept."""


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """What is stored under a key."""

    fingerprint: str
    run_id: str
    holder: str
    claimed_at: int
    """Microseconds since 1970."""
    state: State
    answer: bytes | None


def claim(
    tx: Tx, key: str, fingerprint: str, *, run_id: str, holder: str, before: int
) -> KnownRequest | None:
    """Take `key` for a request that is about to be carried out.

    Args:
        tx: The transaction, whose principal owns the key.
        key: Digest of what the client sent.
        fingerprint: What makes the request the same as another.
        run_id: What a run is called that it begins.
        holder: Name of this process.
        before: Microseconds since 1970; a key that was taken earlier is free again.

    Returns:
        What the key stands for already; None if it is taken now.
    """
    owner = _owner(tx)
    tx.run(sql.EXPIRE_ONE, owner=owner, key=key, before=before)
    taken = tx.run(
        sql.CLAIM,
        owner=owner,
        key=key,
        fingerprint=fingerprint,
        run_id=run_id,
        holder=holder,
        created_at=tx.now(),
        state="open",
        answer=None,
    )
    if taken:
        return None
    row = tx.row(sql.GET, owner=owner, key=key)
    return None if row is None else KnownRequest(*row)


def take_over(tx: Tx, key: str, known: KnownRequest, *, holder: str) -> bool:
    """Carry out a request again whose process has died; False if another has begun to."""
    changed = tx.run(
        sql.TAKE,
        owner=_owner(tx),
        key=key,
        before=known.holder,
        claimed_at=known.claimed_at,
        holder=holder,
        created_at=tx.now(),
    )
    return bool(changed)


def keep(tx: Tx, key: str, state: State, answer: bytes | None) -> None:
    """Say how the request ended."""
    tx.run(sql.KEEP, owner=_owner(tx), key=key, state=state, answer=answer)


def release(tx: Tx, key: str) -> None:
    """Let the key be used anew: the request changed nothing."""
    tx.run(sql.RELEASE, owner=_owner(tx), key=key)


def sweep(tx: Tx, *, before: int, most: int) -> int:
    """Remove keys of the tenant that are older than an instant, and what an owner has too many of.

    Args:
        tx: The transaction.
        before: Microseconds since 1970.
        most: Keys that the scope's principal may have.
    """
    removed = tx.run(sql.EXPIRE, before=before)
    owner = _owner(tx)
    row = tx.row(sql.OLDEST_KEPT, owner=owner, most=most)
    return removed + (tx.run(sql.DROP_OLDEST, owner=owner, before=row[0]) if row else 0)


def count(tx: Tx) -> int:
    """How many keys the scope's principal has."""
    row = tx.row(sql.COUNT, owner=_owner(tx))
    return int(row[0]) if row else 0


def _owner(tx: Tx) -> str:
    return tx.scope.principal or ""
