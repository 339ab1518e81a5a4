"""Sequence numbers of a thread's stream: given in stored blocks, never reused."""

from __future__ import annotations

from muxi.storage.sql import events as sql
from muxi.storage.transaction import Tx


def reserve(tx: Tx, thread_id: str, count: int) -> range:
    """Numbers that no one else will be given, for whoever holds the lease of the stream.

    Raises:
        NotFound: There is no such thread.
    """
    row = tx.row(sql.RESERVE, thread_id=thread_id, after_first=count + 1, count=count)
    after = count + 1 if row is None else int(row[0])
    return range(after - count, after)
