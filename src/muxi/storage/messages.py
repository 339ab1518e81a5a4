"""Messages: written once, never changed, and read along the path from a leaf to the root."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from muxi.core.errors import InvalidInput, NotFound
from muxi.core.events import RunStatus
from muxi.core.messages import Message
from muxi.storage.records import Page, column, cursor, encode, micros, place
from muxi.storage.sql import messages as sql
from muxi.storage.sql import threads as threads_sql
from muxi.storage.transaction import Row, Tx

_ALL = 2**62

Place = Literal["leaf", "next", "aside"]
"""What a message is for the thread's current path: its new end; its new end if it answers the old
one, since another branch may be the current one; or nothing, as it belongs to a child run."""


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a thread goes on."""

    leaf_id: str | None
    run_id: str | None
    """The run that the leaf belongs to, unless it has ended."""
    status: RunStatus | None


def insert(tx: Tx, message: Message, *, place: Place = "leaf") -> Message:
    """Store a message whose `thread_id` is set, by default as its thread's new leaf.

    Raises:
        InvalidInput: A value cannot be stored.
        Conflict: The id is taken.
        NotFound: There is no such thread.
    """
    created = micros(message.created_at)
    tx.run(
        sql.INSERT,
        id=message.id,
        thread_id=message.thread_id,
        parent_id=message.parent_id,
        run_id=message.run_id,
        author=None if message.author is None else column(message.author),
        role=message.role,
        created_at=created,
        record=encode(message, exclude_none=True),
    )
    if place != "aside":
        tx.run(
            threads_sql.MOVE_LEAF,
            id=message.thread_id,
            leaf_id=message.id,
            parent_id=message.parent_id if place == "next" else None,
            updated_at=max(created, tx.now()),
        )
    return message


def get(tx: Tx, message_id: str) -> Message:
    """Raises `NotFound` if there is none, or it is not the principal's to see."""
    row = tx.row(sql.GET, id=message_id)
    if row is None:
        raise NotFound(f"There is no message {message_id}.", message_id=message_id)
    return Message.model_validate_json(row[0])


def path_to_leaf(
    tx: Tx, thread_id: str, *, leaf_id: str | None = None, limit: int | None = None
) -> list[Message]:
    """The messages from the root to a leaf, oldest first.

    Args:
        tx: The transaction.
        thread_id: The thread.
        leaf_id: Where the path ends; None for the thread's current leaf.
        limit: The most messages, counted from the leaf.
    """
    end = leaf_id or leaf(tx, thread_id)
    if end is None:
        return []
    return _messages(tx.rows(sql.PATH, thread_id=thread_id, leaf_id=end, limit=limit or _ALL))


def path_page(
    tx: Tx, thread_id: str, *, after: str | None = None, limit: int = 50
) -> Page[Message]:
    """The messages from the root to the leaf, oldest first, in parts.

    Args:
        tx: The transaction.
        thread_id: The thread.
        after: The cursor of a page before, which holds the leaf that the path then had.
        limit: The most messages.
    """
    end, start = leaf(tx, thread_id), "0"
    if after is not None:
        end, start = place(after, 2)
    if not start.isdecimal() or len(start) > 9:
        raise InvalidInput("This cursor was not given by this list.")
    if end is None:
        return Page([], None)
    given = {"thread_id": thread_id, "leaf_id": end, "limit": _ALL, "most": limit + 1}
    found = _messages(tx.rows(sql.PATH_PAGE, **given, start=int(start)))
    rest = cursor(end, int(start) + limit) if len(found) > limit else None
    return Page(found[:limit], rest)


def leaf(tx: Tx, thread_id: str) -> str | None:
    """The id of the thread's current leaf; None while it is empty or not to be seen."""
    row = tx.row(sql.LEAF, thread_id=thread_id)
    return None if row is None else row[0]


def tip(tx: Tx, thread_id: str) -> Tip:
    """The thread's current leaf, and whether a run is to go on there."""
    row = tx.row(sql.TIP, thread_id=thread_id)
    return Tip(None, None, None) if row is None else Tip(*row)


def children(tx: Tx, thread_id: str, parent_id: str | None) -> list[Message]:
    """The messages that answer `parent_id`, oldest first; for None, those that begin the thread."""
    if parent_id is None:
        return _messages(tx.rows(sql.ROOTS, thread_id=thread_id))
    return _messages(tx.rows(sql.CHILDREN, thread_id=thread_id, parent_id=parent_id))


def of_thread(tx: Tx, thread_id: str) -> list[Message]:
    """All messages of the thread, those of other branches too, oldest first."""
    return _messages(tx.rows(sql.OF_THREAD, thread_id=thread_id))


def of_run(tx: Tx, thread_id: str, run_id: str) -> list[Message]:
    """The messages that a run has written, oldest first."""
    return _messages(tx.rows(sql.OF_RUN, thread_id=thread_id, run_id=run_id))


def records_of_run(tx: Tx, thread_id: str, run_id: str) -> list[str]:
    """As `of_run`, in the JSON in which they are stored: to see whether one was changed."""
    return [row[0] for row in tx.rows(sql.OF_RUN, thread_id=thread_id, run_id=run_id)]


def _messages(rows: Iterable[Row]) -> list[Message]:
    return [Message.model_validate_json(row[0]) for row in rows]
