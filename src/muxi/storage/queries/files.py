"""Files that people send, and what a model's provider keeps of them."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import PRINCIPAL, given, mine, number, one, values
from muxi.storage.schema_requests import files, provider_files

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


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(provider_files))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "hash", "provider"],
        set_={name: fresh.excluded[name] for name in ("remote_id", "created_at", "expires_at")},
    )


_sent = (
    mine(provider_files),
    provider_files.c.hash == given("hash"),
    provider_files.c.provider == given("provider"),
)
KEEP_REMOTE = {
    "sqlite": _put(sqlite.insert(provider_files)),
    "postgresql": _put(postgresql.insert(provider_files)),
}
REMOTE = select(provider_files.c.remote_id, provider_files.c.expires_at).where(*_sent)
FORGET_REMOTE = delete(provider_files).where(*_sent)
