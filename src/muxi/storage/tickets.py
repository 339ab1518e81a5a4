"""Tickets: each opens one WebSocket, once and soon. Called by `runtime.tickets`.

A ticket is known by its digest, and whatever is kept with it comes sealed. Instants are by the
clock that all nodes of the database share.
"""

from __future__ import annotations

from muxi.storage.sql import tickets as sql
from muxi.storage.transaction import Tx


def add(tx: Tx, digest: bytes, sealed: bytes, *, span: int) -> int:
    """Store a ticket that is good for `span` microseconds, and remove those that are too old.

    Returns:
        When it ends to be good, in microseconds since 1970.
    """
    now = tx.clock()
    tx.run(sql.SWEEP, now=now)
    tx.run(sql.ADD, digest=digest, sealed=sealed, expires_at=now + span)
    return now + span


def take(tx: Tx, digest: bytes) -> bytes | None:
    """What is kept with a ticket, for the first who asks; None if it is too old or not there."""
    row = tx.row(sql.TAKE, digest=digest)
    return bytes(row[0]) if row is not None and row[1] > tx.clock() else None
