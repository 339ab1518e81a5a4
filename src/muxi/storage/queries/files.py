"""Files that people send."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, or_, select, update

from muxi.storage.queries.terms import PRINCIPAL, given, mine, number, one, values
from muxi.storage.schema_requests import files

_own = (mine(files), or_(PRINCIPAL.is_(None), files.c.owner == PRINCIPAL))
_this = (*_own, files.c.id == given("id"))

INSERT = insert(files).values(values(files))
UPDATE = (
    update(files)
    .where(*_this)
    .values(hash=given("hash"), expires_at=number("expires_at"), record=given("record"))
)
GET = select(files.c.record).where(*_this)
PAGE = (
    select(files.c.record)
    .where(mine(files), files.c.owner == given("owner"), files.c.id < given("before_id"))
    .order_by(files.c.id.desc())
    .limit(number("limit"))
    .offset(one(0))
)
TAKEN = select(func.coalesce(func.sum(files.c.size), one(0))).where(
    mine(files), files.c.owner == given("owner")
)
EXPIRED = select(files.c.id).where(
    mine(files), files.c.expires_at.is_not(None), files.c.expires_at < number("before")
)
DELETE = delete(files).where(*_this)
