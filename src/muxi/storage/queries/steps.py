"""Steps: effects of a run, written before they happen and closed after."""

from __future__ import annotations

from sqlalchemy import or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, values, visible, word
from muxi.storage.schema import runs, steps

_of_visible_run = steps.c.run_id.in_(
    select(runs.c.id).where(mine(runs), runs.c.id == steps.c.run_id, visible(runs.c.thread_id))
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
        steps.c.state == word("suspended"),
        steps.c.kind == given("kind"),
        or_(given("run_id").is_(None), steps.c.run_id == given("run_id")),
        _of_visible_run,
    )
    .order_by(steps.c.opened_at, steps.c.run_id, steps.c.number)
)
