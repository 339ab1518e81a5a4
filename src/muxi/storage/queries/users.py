"""Users and service accounts, and the groups that they are in."""

from __future__ import annotations

from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one, values
from muxi.storage.schema_identity import groups, memberships, users

_this = (mine(users), users.c.id == given("id"))
_columns = (users.c.record, users.c.disabled_at, users.c.password)


def _add(insert: sqlite.Insert | postgresql.Insert) -> object:
    return insert.values(values(users)).on_conflict_do_nothing()


ADD = {"sqlite": _add(sqlite.insert(users)), "postgresql": _add(postgresql.insert(users))}
GET = select(*_columns).where(*_this)
BY_EMAIL = select(*_columns).where(mine(users), users.c.email == given("email"))
PAGE = (
    select(*_columns)
    .where(mine(users), users.c.id > given("after"))
    .order_by(users.c.id)
    .limit(number("limit"))
    .offset(one(0))
)
UPDATE = (
    update(users)
    .where(*_this)
    .values(email=given("email"), disabled_at=number("disabled_at"), record=given("record"))
)
SET_PASSWORD = update(users).where(*_this).values(password=given("password"))
DELETE = delete(users).where(*_this)

_member = (mine(memberships), memberships.c.user_id == given("user_id"))
GROUPS = (
    select(groups.c.name, groups.c.record)
    .join(memberships, memberships.c.group_name == groups.c.name)
    .where(mine(groups), *_member)
    .order_by(groups.c.name)
)
GET_GROUP = select(groups.c.record).where(mine(groups), groups.c.name == given("name"))
GROUP_PAGE = (
    select(groups.c.record)
    .where(mine(groups), groups.c.name > given("after"))
    .order_by(groups.c.name)
    .limit(number("limit"))
    .offset(one(0))
)


def _put_group(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(groups))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "name"], set_={"record": fresh.excluded["record"]}
    )


PUT_GROUP = {
    "sqlite": _put_group(sqlite.insert(groups)),
    "postgresql": _put_group(postgresql.insert(groups)),
}
DELETE_GROUP = delete(groups).where(mine(groups), groups.c.name == given("name"))
MEMBERS = (
    select(memberships.c.user_id)
    .where(
        mine(memberships),
        memberships.c.group_name == given("group_name"),
        memberships.c.user_id > given("after"),
    )
    .order_by(memberships.c.user_id)
    .limit(number("limit"))
    .offset(one(0))
)


def _join(insert: sqlite.Insert | postgresql.Insert) -> object:
    return insert.values(values(memberships)).on_conflict_do_nothing()


JOIN = {
    "sqlite": _join(sqlite.insert(memberships)),
    "postgresql": _join(postgresql.insert(memberships)),
}
LEAVE = delete(memberships).where(*_member, memberships.c.group_name == given("group_name"))
