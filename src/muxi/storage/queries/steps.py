"""Steps: effects of a run, written before they happen and closed after."""

from __future__ import annotations

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one, values, visible, word
from muxi.storage.schema import runs, steps

_of_visible_run = steps.c.run_id.in_(
    select(runs.c.id).where(mine(runs), runs.c.id == steps.c.run_id, visible(runs.c.thread_id))
)
_of_thread = steps.c.run_id.in_(
    select(runs.c.id).where(
        mine(runs), runs.c.id == steps.c.run_id, runs.c.thread_id == given("thread_id")
    )
)
_changed = ("number", "attempt", "state", "input_hash", "opened_at", "closed_at", "record")


def _put(
    insert: sqlite.Insert | postgresql.Insert,
) -> sqlite.Insert | postgresql.Insert:
    fresh = insert.values(values(steps))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "run_id", "key"],
        set_={name: fresh.excluded[name] for name in _changed},
    )


PUT = {
    "sqlite": _put(sqlite.insert(steps)),
    "postgresql": _put(postgresql.insert(steps)),
}
CLOSE = (
    update(steps)
    .where(mine(steps), steps.c.run_id == given("run_id"), steps.c.key == given("key"))
    .values(
        state=given("state"),
        attempt=number("attempt"),
        closed_at=number("closed_at"),
        record=given("record"),
    )
)
GET = select(steps.c.record).where(
    mine(steps), steps.c.run_id == given("run_id"), steps.c.key == given("key"), _of_visible_run
)
OF_RUN = (
    select(steps.c.record)
    .where(mine(steps), steps.c.run_id == given("run_id"), _of_visible_run)
    .order_by(steps.c.number)
)
SUSPENDED = (
    select(steps.c.record)
    .where(
        mine(steps),
        steps.c.run_id == given("run_id"),
        steps.c.state == word("suspended"),
        steps.c.question_id.is_not(None),
        _of_visible_run,
    )
    .order_by(steps.c.number)
)
QUESTION = select(steps.c.record).where(
    mine(steps),
    steps.c.question_id == given("question_id"),
    steps.c.question_id.is_not(None),
    _of_visible_run,
)
OPEN = (
    select(steps.c.record)
    .where(
        mine(steps),
        steps.c.state == word("suspended"),
        steps.c.question_id > given("after"),
        or_(given("thread_id").is_(None), _of_thread),
        _of_visible_run,
    )
    .order_by(steps.c.question_id)
    .limit(number("limit"))
    .offset(one(0))
)
EXPIRED = (
    select(steps.c.record)
    .where(
        mine(steps),
        steps.c.state == word("suspended"),
        steps.c.expires_at <= number("now"),
        _of_visible_run,
    )
    .order_by(steps.c.expires_at)
    .limit(number("limit"))
    .offset(one(0))
)
CLOSE_OPEN = (
    update(steps)
    .where(
        mine(steps),
        steps.c.run_id == given("run_id"),
        steps.c.key == given("key"),
        steps.c.state == word("suspended"),
    )
    .values(state=word("done"), closed_at=number("closed_at"), record=given("record"))
)
ANSWERED_ALIKE = (
    select(steps.c.record)
    .select_from(runs.join(steps, steps.c.run_id == runs.c.id))
    .where(
        mine(runs),
        mine(steps),
        runs.c.thread_id == given("thread_id"),
        visible(runs.c.thread_id),
        steps.c.state == word("done"),
        steps.c.question_id.is_not(None),
        steps.c.input_hash == given("input_hash"),
    )
    .order_by(steps.c.question_id.desc())
    .limit(number("limit"))
    .offset(one(0))
)
