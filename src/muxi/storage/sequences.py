"""What all who work on a thread must agree upon: its numbers, and what was erased of it.

Numbers of a thread's stream are given in stored blocks and never reused. Erasures are counted, so
that no process believes what it keeps in memory from before one.
"""

from __future__ import annotations

from muxi.storage.sql import events as sql
from muxi.storage.transaction import Tx


def reserve(tx: Tx, thread_id: str, count: int) -> range:
    """Numbers that no one else will be given, for whoever holds the lease of the stream.

    Raises:
        NotFound: There is no such thread.
    """
    return begin(tx, thread_id, count)[0]


def begin(tx: Tx, thread_id: str, count: int) -> tuple[range, int]:
    """As `reserve`, and how often something of the thread was erased until now."""
    row = tx.row(sql.RESERVE, thread_id=thread_id, after_first=count + 1, count=count)
    assert row is not None, "it returns what it has written"
    return range(row[0] - count, row[0]), int(row[1])


def erasures(tx: Tx, thread_id: str) -> int:
    """How often something of the thread was erased."""
    row = tx.row(sql.ERASURES, thread_id=thread_id)
    return 0 if row is None else int(row[0])


def erased(tx: Tx, thread_id: str) -> None:
    """Words of its messages were erased: nobody believes what they have read before."""
    tx.run(sql.ERASE, thread_id=thread_id)
