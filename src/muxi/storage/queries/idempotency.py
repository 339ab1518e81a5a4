"""Idempotency keys: what a request was, and the sealed answer that it got."""

from __future__ import annotations

from sqlalchemy import LargeBinary, bindparam, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one, values
from muxi.storage.schema_requests import idempotency_keys as keys

_own = (mine(keys), keys.c.owner == given("owner"))
_this = (*_own, keys.c.key == given("key"))

CLAIM = {
    "sqlite": sqlite.insert(keys).values(values(keys)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(keys).values(values(keys)).on_conflict_do_nothing(),
}
GET = select(
    keys.c.fingerprint,
    keys.c.run_id,
    keys.c.holder,
    keys.c.created_at,
    keys.c.state,
    keys.c.answer,
).where(*_this)
TAKE = (
    update(keys)
    .where(*_this, keys.c.holder == given("before"), keys.c.created_at == number("claimed_at"))
    .values(holder=given("holder"), created_at=number("created_at"))
)
KEEP = (
    update(keys)
    .where(*_this)
    .values(state=given("state"), answer=bindparam("answer", type_=LargeBinary()))
)
RELEASE = delete(keys).where(*_this)
EXPIRE_ONE = delete(keys).where(*_this, keys.c.created_at < number("before"))
EXPIRE = delete(keys).where(mine(keys), keys.c.created_at < number("before"))
COUNT = select(func.count()).select_from(keys).where(*_own)
# The instant before which an owner's keys are too many.
OLDEST_KEPT = (
    select(keys.c.created_at)
    .where(*_own)
    .order_by(keys.c.created_at.desc())
    .limit(one(1))
    .offset(number("most"))
)
DROP_OLDEST = delete(keys).where(*_own, keys.c.created_at <= number("before"))
