"""Summaries: rows that stand in a turn for messages of a thread. They go with their thread.

Called inside a transaction by `memory`. A summary has the id that its stretch and its strategy
give it, so that of two processes that make the same one the second adds nothing. Who may see the
thread may see its summaries.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import count

from muxi.core.errors import NotFound
from muxi.core.summaries import Summary
from muxi.storage import sequences
from muxi.storage.records import column, encode, micros
from muxi.storage.sql import summaries as sql
from muxi.storage.transaction import Row, Tx

_ALL = 2**62
_EACH = 12
"""Summaries of each level that a turn may need: those of the path, and of branches beside it."""


def id_of(summary: Summary) -> str:
    """The id of a summary: the same wherever the same stretch is summarised in the same way."""
    words = (
        summary.thread_id,
        str(summary.level),
        summary.strategy,
        summary.first_message_id,
        summary.last_message_id,
    )
    return f"sum_{hashlib.sha256(chr(0).join(words).encode()).hexdigest()[:32]}"


def add(tx: Tx, thread_id: str, made: Sequence[Summary], *, erasures: int) -> bool:
    """Store summaries of one compaction, all or none.

    Args:
        tx: The transaction.
        thread_id: Their thread.
        made: The summaries.
        erasures: How often something of the thread had been erased when its messages were read.

    Returns:
        False if there is nothing left for them to stand for, since something of the thread was
        erased or deleted meanwhile; nothing is stored then.
    """
    if tx.row(sql.LOCK, thread_id=thread_id) is None:
        return False
    if sequences.erasures(tx, thread_id) != erasures:
        return False
    fresh = {each.id for each in made}
    if not all(_stands(tx, each, fresh) for each in made):
        return False
    for each in made:
        tx.run(
            sql.ADD,
            id=each.id,
            thread_id=thread_id,
            level=each.level,
            first_message_id=each.first_message_id,
            last_message_id=each.last_message_id,
            messages=each.messages,
            tokens=each.tokens,
            strategy=each.strategy,
            text=column(each.text),
            created_at=micros(each.created_at),
            record=encode(each.model_copy(update={"text": ""})),
        )
    return True


def newest(tx: Tx, thread_id: str) -> list[Summary]:
    """The newest summaries of each level, oldest first: what a turn may need."""
    found: list[Summary] = []
    for level in count(1):
        rows = tx.rows(sql.NEWEST, thread_id=thread_id, level=level, count=_EACH)
        if not rows:
            break
        found += _summaries(rows)
    return sorted(found, key=lambda each: (each.created_at, each.id))


def of_thread(tx: Tx, thread_id: str) -> list[Summary]:
    """All summaries of a thread, those of other branches too, oldest first."""
    return _summaries(tx.rows(sql.OF_THREAD, thread_id=thread_id))


def since(tx: Tx, thread_id: str, at: datetime) -> list[Summary]:
    """The summaries of a thread that were made from `at` on, oldest first."""
    return _summaries(tx.rows(sql.SINCE, thread_id=thread_id, since=micros(at)))


def get(tx: Tx, summary_id: str) -> Summary:
    """Raises `NotFound` if there is none, or it is not the principal's to see."""
    row = tx.row(sql.GET, id=summary_id)
    if row is None:
        raise NotFound(f"There is no summary {summary_id}.", summary_id=summary_id)
    return _summary(row)


def message_ids(tx: Tx, summary_id: str) -> list[str]:
    """Every message that a summary stands for, oldest first. Raises `NotFound`."""
    found = get(tx, summary_id)
    return path_ids(tx, found.thread_id, found.last_message_id, limit=found.messages)


def remove_covering(tx: Tx, thread_id: str, gone: Iterable[str]) -> list[str]:
    """Delete every summary that was made of one of the messages `gone`, directly or not.

    For whoever deletes messages: what they said must not live on in a summary.

    Returns:
        The ids of the summaries that were deleted.
    """
    tx.row(sql.LOCK, thread_id=thread_id)
    lost = set(gone)
    removed: list[str] = []
    # Oldest first, so that what was made of a summary comes after it.
    for each in of_thread(tx, thread_id):
        if lost.isdisjoint(each.message_ids) and lost.isdisjoint(each.summary_ids):
            continue
        lost.add(each.id)
        removed.append(each.id)
        tx.run(sql.REMOVE, thread_id=thread_id, id=each.id)
    return removed


def path_ids(tx: Tx, thread_id: str, leaf_id: str, *, limit: int | None = None) -> list[str]:
    """The ids of the messages up to `leaf_id`, oldest first; of the newest `limit` if given."""
    rows = tx.rows(sql.PATH_IDS, thread_id=thread_id, leaf_id=leaf_id, limit=limit or _ALL)
    return [row[0] for row in rows]


def _stands(tx: Tx, made: Summary, fresh: Collection[str]) -> bool:
    """Whether everything that `made` was made of is still there."""
    for each in made.summary_ids:
        if each not in fresh and tx.row(sql.GET, id=each) is None:
            return False
    if not made.message_ids:
        return True
    found = tx.row(
        sql.STANDS,
        thread_id=made.thread_id,
        leaf_id=made.message_ids[-1],
        first_id=made.message_ids[0],
        limit=len(made.message_ids),
    )
    return found is not None and int(found[0]) == len(made.message_ids)


def _summaries(rows: Iterable[Row]) -> list[Summary]:
    return [_summary(row) for row in rows]


def _summary(row: Row) -> Summary:
    found = Summary.model_validate_json(row[0])
    found.text = row[1]
    return found
