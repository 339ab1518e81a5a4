"""Threads: conversations, who takes part in them and which message is their leaf.

Called inside a transaction by `runtime`. A principal sees the threads it takes part in; a scope
without a principal sees all of its tenant.
"""

from __future__ import annotations

from muxi.core.errors import InvalidInput, NotFound
from muxi.core.record import now
from muxi.core.threads import Thread
from muxi.storage import blobs
from muxi.storage.records import Page, column, cursor, encode, instant, micros, place
from muxi.storage.sql import threads as sql
from muxi.storage.transaction import Row, Tx

_END = 2**62
_LAST_ID = "\U0010ffff"


def create(tx: Tx, thread: Thread) -> Thread:
    """Store a new thread; its owner, who is the scope's principal if it has one, takes part in it.

    Raises:
        Conflict: The id is taken.
    """
    thread.owner = tx.scope.principal or thread.owner
    created, owner = micros(thread.created_at), column(thread.owner)
    tx.run(sql.ADD_TENANT, created_at=created)
    tx.run(
        sql.INSERT,
        id=thread.id,
        owner=owner,
        leaf_id=thread.leaf_id,
        created_at=created,
        updated_at=micros(thread.updated_at),
        record=encode(thread, exclude_none=True),
    )
    _join(tx, thread.id, owner, "owner")
    return thread


def get(tx: Tx, thread_id: str) -> Thread:
    """Raises `NotFound` if there is none, or it is not the principal's to see."""
    row = tx.row(sql.GET, id=thread_id)
    if row is None:
        raise NotFound(f"There is no thread {thread_id}.", thread_id=thread_id)
    return _thread(row)


def page(tx: Tx, *, after: str | None = None, limit: int = 50) -> Page[Thread]:
    """Threads, the ones with the latest activity first; `after` is the cursor of a page before."""
    before, before_id = place(after, 2) if after else (str(_END), _LAST_ID)
    if not before.isdecimal():
        raise InvalidInput("This cursor was not given by this list.")
    rows = tx.rows(
        sql.ALL if tx.scope.principal is None else sql.OWN,
        before=int(before),
        before_id=before_id,
        limit=limit + 1,
    )
    rest = cursor(rows[limit - 1][3], rows[limit - 1][4]) if len(rows) > limit else None
    return Page([_thread(row) for row in rows[:limit]], rest)


def update(tx: Tx, thread: Thread) -> Thread:
    """Store `thread` as it is now, except for who owns it.

    Raises:
        NotFound: There is no such thread for this principal.
    """
    thread.updated_at = now()
    changed = tx.run(
        sql.UPDATE,
        id=thread.id,
        record=encode(thread, exclude_none=True),
        updated_at=micros(thread.updated_at),
        leaf_id=thread.leaf_id,
    )
    if not changed:
        raise NotFound(f"There is no thread {thread.id}.", thread_id=thread.id)
    return thread


def delete(tx: Tx, thread_id: str) -> None:
    """Delete the thread with all that belongs to it; usage stays, for budgets and analytics.

    Raises:
        NotFound: There is no such thread for this principal.
    """
    get(tx, thread_id)
    blobs.release(tx, thread_id)
    tx.run(sql.DELETE_LEASES, id=thread_id)
    tx.run(sql.DELETE, id=thread_id)


def move_leaf(tx: Tx, thread_id: str, leaf_id: str | None) -> None:
    """Make `leaf_id` the end of the thread's current path."""
    tx.run(sql.MOVE_LEAF, id=thread_id, leaf_id=leaf_id, parent_id=None, updated_at=micros(now()))


def participants(tx: Tx, thread_id: str) -> dict[str, str]:
    """The role of each participant, the earliest first."""
    return dict(tx.rows(sql.PARTICIPANTS, thread_id=thread_id))


def join(tx: Tx, thread_id: str, who: str, role: str = "member") -> None:
    """Let `who` take part in a thread that the principal sees."""
    get(tx, thread_id)
    _join(tx, thread_id, column(who), role)


def leave(tx: Tx, thread_id: str, who: str) -> None:
    """End the participation of `who`."""
    get(tx, thread_id)
    tx.run(sql.LEAVE, thread_id=thread_id, who=column(who))


def _join(tx: Tx, thread_id: str, who: str, role: str) -> None:
    # The statement's own `principal` would be the scope's, so that the participant has its own
    # parameter.
    tx.run(sql.JOIN, thread_id=thread_id, who=who, role=role, joined_at=tx.now())


def _thread(row: Row) -> Thread:
    record, owner, leaf_id, updated_at, _ = row
    thread = Thread.model_validate_json(record)
    thread.owner = owner if column(thread.owner) != owner else thread.owner
    thread.leaf_id = leaf_id
    thread.updated_at = instant(updated_at)
    return thread
