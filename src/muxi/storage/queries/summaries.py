"""Summaries of stretches of a thread, and the walk along the messages that they stand for."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.messages import path
from muxi.storage.queries.terms import given, mine, number, one, values, visible
from muxi.storage.schema import summaries, threads

# Whoever adds and whoever deletes come one after the other; messages may be added meanwhile.
LOCK = (
    select(one(1))
    .select_from(threads)
    .where(mine(threads), threads.c.id == given("thread_id"), visible(threads.c.id))
    .with_for_update(key_share=True)
)
ADD = {
    "sqlite": sqlite.insert(summaries).values(values(summaries)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(summaries).values(values(summaries)).on_conflict_do_nothing(),
}
_shown = (mine(summaries), summaries.c.thread_id == given("thread_id"), visible(given("thread_id")))
# One level at a time, along the index: a thread may have any number of them.
NEWEST = (
    select(summaries.c.record, summaries.c.text)
    .where(*_shown, summaries.c.level == number("level"))
    .order_by(summaries.c.created_at.desc(), summaries.c.id.desc())
    .limit(number("count"))
    .offset(one(0))
)
OF_THREAD = (
    select(summaries.c.record, summaries.c.text)
    .where(*_shown)
    .order_by(summaries.c.created_at, summaries.c.id)
)
SINCE = (
    select(summaries.c.record, summaries.c.text)
    .where(*_shown, summaries.c.created_at >= number("since"))
    .order_by(summaries.c.created_at, summaries.c.id)
)
GET = select(summaries.c.record, summaries.c.text).where(
    mine(summaries), summaries.c.id == given("id"), visible(summaries.c.thread_id)
)
REMOVE = delete(summaries).where(*_shown, summaries.c.id == given("id"))

_path = path()
PATH_IDS = select(_path.c.id).order_by(_path.c.depth.desc())
STANDS = select(_path.c.depth).where(_path.c.id == given("first_id"))
