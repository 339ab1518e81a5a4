"""Runs: pieces of work in a thread, open until they have a final status."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    update,
)

from muxi.storage.queries.terms import (
    PRINCIPAL,
    given,
    mine,
    number,
    on_each,
    one,
    values,
    visible,
    word,
)
from muxi.storage.schema import participants, runs, steps

_COLUMNS = (runs.c.record,)
INSERT = insert(runs).values(values(runs))
GET = select(*_COLUMNS).where(mine(runs), runs.c.id == given("id"), visible(runs.c.thread_id))
UPDATE = (
    update(runs)
    .where(mine(runs), runs.c.id == given("id"))
    .values(
        status=given("status"),
        attempt=number("attempt"),
        agent_hash=given("agent_hash"),
        finished_at=number("finished_at"),
        record=given("record"),
    )
)
_of_status = or_(given("status").is_(None), runs.c.status == given("status"))
_NEAR = 1_000
"""Runs of anybody among which somebody's own are looked for, before their threads are."""


def _newest(*conditions: ColumnElement[bool]) -> Select[Any]:
    """A page of the runs before one, the newest first."""
    return (
        select(*_COLUMNS)
        .where(mine(runs), runs.c.id < given("before_id"), *conditions)
        .order_by(runs.c.id.desc())
        .limit(number("limit"))
        .offset(one(0))
    )


LIST = _newest(_of_status, PRINCIPAL.is_(None))
# A question of its own, so that it goes by the index of the thread's runs.
LIST_OF_THREAD = _newest(
    _of_status, runs.c.thread_id == given("thread_id"), visible(given("thread_id"))
)
_unusual = runs.c.status != word("completed")
# Says what the index is of, since a parameter would not be known to be in it; and asks for nothing
# else than is in it, so that very many runs of others are passed by quickly.
IDS_UNUSUAL = (
    select(runs.c.id)
    .where(
        mine(runs),
        _unusual,
        runs.c.status == given("status"),
        runs.c.id < given("before_id"),
        visible(runs.c.thread_id),
    )
    .order_by(runs.c.id.desc())
    .limit(number("limit"))
    .offset(one(0))
)

_near = (
    select(runs.c.tenant, runs.c.id)
    .where(mine(runs), runs.c.id < given("before_id"))
    .order_by(runs.c.id.desc())
    .limit(one(_NEAR))
    .offset(one(0))
    .subquery("near")
)
LIST_NEAR = _newest(
    runs.c.id >= select(func.min(_near.c.id)).scalar_subquery(),
    _of_status,
    visible(runs.c.thread_id),
)


def _ids_of(thread_id: ColumnElement[str], limit: ColumnElement[int]) -> Select[tuple[str]]:
    """Ids of a thread's runs before one, the newest first."""
    return (
        select(runs.c.id)
        .where(
            mine(runs),
            runs.c.thread_id == thread_id,
            runs.c.id < given("before_id"),
            _of_status,
        )
        .order_by(runs.c.id.desc())
        .limit(limit)
        .offset(one(0))
    )


_own = (
    select(
        participants.c.thread_id,
        _ids_of(participants.c.thread_id, one(1)).scalar_subquery().label("newest"),
    )
    .where(mine(participants), participants.c.principal == PRINCIPAL)
    .subquery("own")
)
THREADS = (
    select(_own.c.thread_id, _own.c.newest)
    .where(_own.c.newest.is_not(None))
    .order_by(_own.c.newest.desc())
    .limit(number("limit"))
    .offset(one(0))
)
IDS_OF_THREAD = _ids_of(given("thread_id"), number("limit"))
LIST_THESE = on_each(
    lambda on: (
        select(*_COLUMNS)
        .where(mine(runs), on.among(runs.c.id, "ids"), visible(runs.c.thread_id))
        .order_by(runs.c.id.desc())
    )
)
_open = _unusual & runs.c.status.in_([word("queued"), word("running"), word("waiting")])
UNFINISHED = (
    select(*_COLUMNS).where(mine(runs), _open, visible(runs.c.thread_id)).order_by(runs.c.id)
)
READY = (
    select(*_COLUMNS)
    .where(
        mine(runs),
        _open,
        visible(runs.c.thread_id),
        or_(
            runs.c.status != word("waiting"),
            not_(
                exists(
                    select(one(1))
                    .select_from(steps)
                    .where(
                        mine(steps),
                        steps.c.run_id == runs.c.id,
                        steps.c.state == word("suspended"),
                        steps.c.question_id.is_not(None),
                    )
                )
            ),
        ),
    )
    .order_by(runs.c.id)
)
