"""Runs: pieces of work in a thread, open until they have a final status."""

from __future__ import annotations

from sqlalchemy import exists, insert, not_, or_, select, update

from muxi.storage.queries.terms import given, mine, number, one, values, visible, word
from muxi.storage.schema import runs, steps

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
_page = (
    select(*_COLUMNS)
    .where(
        mine(runs),
        or_(given("status").is_(None), runs.c.status == given("status")),
        runs.c.id < given("before_id"),
    )
    .order_by(runs.c.id.desc())
    .limit(number("limit"))
    .offset(one(0))
)
LIST = _page.where(visible(runs.c.thread_id))
# A question of its own, so that it goes by the index of the thread's runs.
LIST_OF_THREAD = _page.where(runs.c.thread_id == given("thread_id"), visible(given("thread_id")))
UNFINISHED = (
    select(*_COLUMNS)
    .where(mine(runs), runs.c.finished_at.is_(None), visible(runs.c.thread_id))
    .order_by(runs.c.id)
)
READY = (
    select(*_COLUMNS)
    .where(
        mine(runs),
        runs.c.finished_at.is_(None),
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
