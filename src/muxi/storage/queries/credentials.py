"""Keys, sessions and links to sign in: digests of what users show."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, select, update

from muxi.storage.queries.terms import given, mine, number, one, values
from muxi.storage.schema_identity import credentials

_this = (mine(credentials), credentials.c.id == given("id"))
_alike = (mine(credentials), credentials.c.kind == given("kind"))
_columns = (
    credentials.c.id,
    credentials.c.kind,
    credentials.c.user_id,
    credentials.c.digest,
    credentials.c.created_at,
    credentials.c.expires_at,
    credentials.c.used_at,
    credentials.c.record,
)

ADD = insert(credentials).values(values(credentials))
GET = select(*_columns).where(*_this)
PAGE = (
    select(*_columns)
    .where(*_alike, credentials.c.id > given("after"))
    .order_by(credentials.c.id)
    .limit(number("limit"))
    .offset(one(0))
)
OF_USER = (
    select(*_columns)
    .where(*_alike, credentials.c.user_id == given("user_id"), credentials.c.id > given("after"))
    .order_by(credentials.c.id)
    .limit(number("limit"))
    .offset(one(0))
)
UPDATE = (
    update(credentials)
    .where(*_this)
    .values(expires_at=number("expires_at"), record=given("record"))
)
USE = (
    update(credentials)
    .where(*_this, func.coalesce(credentials.c.used_at, one(0)) < number("used_at"))
    .values(used_at=number("used_at"))
)
DELETE = delete(credentials).where(*_this)
DELETE_OF_USER = delete(credentials).where(
    *_alike, credentials.c.user_id == given("user_id"), credentials.c.id != given("keep")
)
DELETE_EXPIRED = delete(credentials).where(*_alike, credentials.c.expires_at < number("before"))
