"""Messages: rows of a tree, read along the path from a leaf to the root."""

from __future__ import annotations

from sqlalchemy import CTE, and_, insert, select

from muxi.storage.queries.terms import given, mine, number, one, values, visible
from muxi.storage.schema import messages, runs, threads

INSERT = insert(messages).values(values(messages))
GET = select(messages.c.record).where(
    mine(messages), messages.c.id == given("id"), visible(messages.c.thread_id)
)
OF_THREAD = (
    select(messages.c.record)
    .where(
        mine(messages),
        messages.c.thread_id == given("thread_id"),
        visible(given("thread_id")),
    )
    .order_by(messages.c.id)
)
OF_RUN = (
    select(messages.c.record)
    .where(
        mine(messages),
        messages.c.thread_id == given("thread_id"),
        messages.c.run_id == given("run_id"),
        visible(given("thread_id")),
    )
    .order_by(messages.c.id)
)
CHILDREN = (
    select(messages.c.record)
    .where(
        mine(messages),
        messages.c.thread_id == given("thread_id"),
        messages.c.parent_id == given("parent_id"),
        visible(given("thread_id")),
    )
    .order_by(messages.c.id)
)
ROOTS = (
    select(messages.c.record)
    .where(
        mine(messages),
        messages.c.thread_id == given("thread_id"),
        messages.c.parent_id.is_(None),
        visible(given("thread_id")),
    )
    .order_by(messages.c.id)
)
LEAF = select(threads.c.leaf_id).where(
    mine(threads), threads.c.id == given("thread_id"), visible(threads.c.id)
)
TIP = (
    select(threads.c.leaf_id, runs.c.id, runs.c.status)
    .select_from(threads)
    .outerjoin(messages, and_(mine(messages), messages.c.id == threads.c.leaf_id))
    .outerjoin(
        runs,
        and_(mine(runs), runs.c.id == messages.c.run_id, runs.c.finished_at.is_(None)),
    )
    .where(mine(threads), threads.c.id == given("thread_id"), visible(threads.c.id))
)


def path() -> CTE:
    """The messages from a leaf towards the root, at most `limit` of them, with their depth."""
    walk = (
        select(messages.c.id, messages.c.parent_id, one(1).label("depth"))
        .where(
            mine(messages),
            messages.c.id == given("leaf_id"),
            messages.c.thread_id == given("thread_id"),
            visible(given("thread_id")),
        )
        .cte("path", recursive=True)
    )
    parent = messages.alias("parent")
    return walk.union_all(
        select(parent.c.id, parent.c.parent_id, walk.c.depth + one(1)).where(
            mine(parent),
            parent.c.id == walk.c.parent_id,
            parent.c.thread_id == given("thread_id"),
            walk.c.depth < number("limit"),
        )
    )


_path = path()
PATH = (
    select(messages.c.record)
    .select_from(_path)
    .join(messages, mine(messages) & (messages.c.id == _path.c.id))
    .order_by(_path.c.depth.desc())
)
PATH_PAGE = PATH.limit(number("most")).offset(number("start"))
