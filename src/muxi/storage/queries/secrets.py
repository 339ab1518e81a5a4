"""Secrets: sealed values and the wrapped keys that open them."""

from __future__ import annotations

from sqlalchemy import LargeBinary, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one, seen, values
from muxi.storage.schema import secrets

_changed = ("key_id", "wrapped_key", "sealed", "updated_at")
_this = (
    mine(secrets),
    seen(secrets.c.owner),
    secrets.c.owner == given("owner"),
    secrets.c.name == given("name"),
)


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(secrets))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "owner", "name"],
        set_={name: fresh.excluded[name] for name in _changed},
    )


PUT = {
    "sqlite": _put(sqlite.insert(secrets)),
    "postgresql": _put(postgresql.insert(secrets)),
}
PUT_FIRST = {
    "sqlite": sqlite.insert(secrets).values(values(secrets)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(secrets).values(values(secrets)).on_conflict_do_nothing(),
}
GET = select(secrets.c.key_id, secrets.c.wrapped_key, secrets.c.sealed).where(*_this)
NAMES = (
    select(secrets.c.name, secrets.c.updated_at)
    .where(mine(secrets), seen(secrets.c.owner), secrets.c.owner == given("owner"))
    .order_by(secrets.c.name)
)
OF_OTHER_KEYS = (
    select(secrets.c.owner, secrets.c.name, secrets.c.key_id, secrets.c.wrapped_key)
    .where(mine(secrets), secrets.c.key_id != given("key_id"))
    .limit(number("limit"))
    .offset(one(0))
    .with_for_update()
)
REWRAP = (
    update(secrets)
    .where(*_this)
    .values(key_id=given("key_id"), wrapped_key=bindparam("wrapped_key", type_=LargeBinary()))
)
DELETE = delete(secrets).where(*_this)
DELETE_OF_OWNER = delete(secrets).where(
    mine(secrets), seen(secrets.c.owner), secrets.c.owner == given("owner")
)
FORGET = delete(secrets).where(
    mine(secrets),
    func.substr(secrets.c.name, one(1), number("length")) == given("prefix"),
    secrets.c.updated_at < number("before"),
)
