"""Events of a thread's stream, and sequence numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ClauseElement

from muxi.storage.queries.terms import (
    TENANT,
    begun,
    beside,
    finished,
    given,
    mine,
    number,
    one,
    values,
    visible,
)
from muxi.storage.schema import events, sequences

INSERT = insert(events).values(values(events, "position", "transaction_number"))
READ = (
    select(
        events.c.run_id,
        events.c.record,
        events.c.seq,
    )
    .where(
        mine(events),
        events.c.thread_id == given("thread_id"),
        # What the index finds; the next condition looks at the few rows that may reach over it.
        events.c.seq > number("begins_after"),
        events.c.last_seq > number("since"),
        or_(given("run_id").is_(None), events.c.run_id == given("run_id")),
        visible(given("thread_id")),
    )
    .order_by(events.c.seq)
    .limit(number("limit"))
    .offset(one(0))
)
LAST = select(func.max(events.c.last_seq)).where(
    mine(events), events.c.thread_id == given("thread_id"), visible(given("thread_id"))
)


def _feed(*after: ColumnElement[bool], by: Sequence[ColumnElement[Any]]) -> ClauseElement:
    return (
        select(
            events.c.transaction_number,
            events.c.position,
            events.c.thread_id,
            events.c.run_id,
            events.c.record,
        )
        .where(*after, visible(events.c.thread_id))
        .order_by(*by)
        .limit(number("limit"))
        .offset(one(0))
    )


_place = (events.c.transaction_number, events.c.position)
# Rows after a cursor that no transaction still open can be placed before. SQLite writes one after
# the other and numbers none of them, so that the position alone is the cursor.
FEED = {
    "sqlite": _feed(
        beside(events.c.tenant) == TENANT,
        events.c.position > number("position"),
        by=[events.c.position],
    ),
    "postgresql": _feed(
        mine(events),
        tuple_(*_place) > tuple_(number("transaction_number"), number("position")),
        events.c.transaction_number < finished(),
        by=_place,
    ),
}

# The first transaction that may be open still, and the first that has not begun.
HORIZON = {
    "sqlite": select(one(0), one(0)),
    "postgresql": select(finished(), begun()),
}


def _reserve(
    insert: sqlite.Insert | postgresql.Insert,
) -> object:
    fresh = insert.values(
        tenant=given("tenant"), thread_id=given("thread_id"), next_seq=number("after_first")
    )
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "thread_id"],
        set_={"next_seq": sequences.c.next_seq + number("count")},
    ).returning(sequences.c.next_seq, sequences.c.erasures)


RESERVE = {
    "sqlite": _reserve(sqlite.insert(sequences)),
    "postgresql": _reserve(postgresql.insert(sequences)),
}
_row = (mine(sequences), sequences.c.thread_id == given("thread_id"))
ERASURES = select(sequences.c.erasures).where(*_row)
ERASE = update(sequences).where(*_row).values(erasures=sequences.c.erasures + one(1))
