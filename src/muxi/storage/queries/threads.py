"""Threads, their participants and the tenants that have any."""

from __future__ import annotations

from sqlalchemy import and_, case, delete, insert, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

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
from muxi.storage.schema import leases, participants, runs, tenants, threads

_COLUMNS = (
    threads.c.record,
    threads.c.owner,
    threads.c.leaf_id,
    threads.c.updated_at,
    threads.c.id,
)
_before = tuple_(threads.c.updated_at, threads.c.id) < tuple_(number("before"), given("before_id"))

_tenant = values(tenants, "name", "disabled_at", "revision")
ADD_TENANT = {
    "sqlite": sqlite.insert(tenants).values(_tenant).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(tenants).values(_tenant).on_conflict_do_nothing(),
}
INSERT = insert(threads).values(values(threads))
_joined = values(participants) | {"principal": given("who")}
JOIN = {
    "sqlite": sqlite.insert(participants).values(_joined).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(participants).values(_joined).on_conflict_do_nothing(),
}
LEAVE = delete(participants).where(
    mine(participants),
    participants.c.thread_id == given("thread_id"),
    participants.c.principal == given("who"),
)
PARTICIPANTS = (
    select(participants.c.principal, participants.c.role)
    .where(
        mine(participants),
        participants.c.thread_id == given("thread_id"),
        visible(given("thread_id")),
    )
    .order_by(participants.c.joined_at, participants.c.principal)
)
GET = select(*_COLUMNS).where(mine(threads), threads.c.id == given("id"), visible(threads.c.id))
ALL = (
    select(*_COLUMNS)
    .where(mine(threads), _before)
    .order_by(threads.c.updated_at.desc(), threads.c.id.desc())
    .limit(number("limit"))
    .offset(one(0))
)
OWN = on_each(
    lambda on: (
        select(*_COLUMNS)
        .join(
            participants,
            (participants.c.tenant == threads.c.tenant)
            & (participants.c.thread_id == threads.c.id),
        )
        # Along the threads, the newest first: who uses a project alone takes part in all of them.
        .where(
            mine(threads),
            mine(participants),
            on.beside(participants.c.principal) == PRINCIPAL,
            _before,
        )
        .order_by(threads.c.updated_at.desc(), threads.c.id.desc())
        .limit(number("limit"))
        .offset(one(0))
    )
)
UPDATE = (
    update(threads)
    .where(mine(threads), threads.c.id == given("id"), visible(threads.c.id))
    .values(record=given("record"), updated_at=number("updated_at"), leaf_id=given("leaf_id"))
)
MOVE_LEAF = (
    update(threads)
    .where(mine(threads), threads.c.id == given("id"))
    .values(
        leaf_id=case(
            (
                or_(given("parent_id").is_(None), threads.c.leaf_id == given("parent_id")),
                given("leaf_id"),
            ),
            else_=threads.c.leaf_id,
        ),
        updated_at=number("updated_at"),
    )
)
DELETE = delete(threads).where(mine(threads), threads.c.id == given("id"), visible(threads.c.id))
DELETE_LEASES = delete(leases).where(
    mine(leases),
    or_(
        and_(leases.c.kind == word("thread"), leases.c.id == given("id")),
        and_(
            leases.c.kind == word("run"),
            leases.c.id.in_(select(runs.c.id).where(mine(runs), runs.c.thread_id == given("id"))),
        ),
    ),
)
