"""Leases on a thread's stream and on runs. Whoever holds one may write, and nobody else.

A lease that passed to another holder has a higher fencing number; every write of a run compares
the number it was given with the stored one, so that a process which slept through its lease can
change nothing any more.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from muxi.core.errors import LeaseLost
from muxi.storage.sql import leases as sql
from muxi.storage.transaction import Tx

LeaseKind = Literal["thread", "run", "job"]


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write, until `expires_at` unless renewed, and until another took it over."""

    kind: LeaseKind
    id: str
    holder: str
    """Name of a process, unique to each start of it."""
    fence: int
    expires_at: int
    """Microseconds since 1970, by the clock of the database."""


def acquire(tx: Tx, kind: LeaseKind, id: str, holder: str, *, seconds: float = 30.0) -> Lease:
    """Take the lease if it is free, expired or the holder's own, which then keeps its fence.

    Raises:
        LeaseLost: Another holder has it; `details` say who.
    """
    now = tx.clock()
    expires = now + round(seconds * 1_000_000)
    row = tx.row(sql.ACQUIRE, kind=kind, id=id, holder=holder, now=now, expires_at=expires)
    if row is None:
        raise LeaseLost(f"Another process works on this {kind}.", **{kind: id})
    return Lease(kind, id, holder, int(row[0]), expires)


def seize(tx: Tx, kind: LeaseKind, id: str, holder: str, *, seconds: float = 30.0) -> Lease:
    """Take the lease from whoever has it: for a process that knows that the others are dead."""
    tx.run(sql.EXPIRE, kind=kind, id=id, holder=holder)
    return acquire(tx, kind, id, holder, seconds=seconds)


def check(tx: Tx, lease: Lease) -> None:
    """Raise `LeaseLost` unless `lease` is still the newest; holds it so until the commit."""
    row = tx.row(sql.CHECK, kind=lease.kind, id=lease.id)
    if row is None or int(row[0]) != lease.fence:
        raise LeaseLost(lease_kind=lease.kind, lease_id=lease.id)


def renew(tx: Tx, lease: Lease, *, seconds: float = 30.0) -> Lease:
    """The same lease with a later end. Raises `LeaseLost` if it was let go or another has it."""
    expires = tx.clock() + round(seconds * 1_000_000)
    changed = tx.run(
        sql.RENEW,
        kind=lease.kind,
        id=lease.id,
        holder=lease.holder,
        fence=lease.fence,
        expires_at=expires,
    )
    if not changed:
        raise LeaseLost(lease_kind=lease.kind, lease_id=lease.id)
    return Lease(lease.kind, lease.id, lease.holder, lease.fence, expires)


def release(tx: Tx, lease: Lease) -> None:
    """Let others have it. Its fencing number is kept, and never given again."""
    tx.run(sql.RELEASE, kind=lease.kind, id=lease.id, holder=lease.holder, fence=lease.fence)


def let_go(tx: Tx, kind: LeaseKind, id: str, holder: str) -> None:
    """Let others have the lease if `holder` may have it: whoever was interrupted cannot tell."""
    with suppress(LeaseLost):
        release(tx, acquire(tx, kind, id, holder))
