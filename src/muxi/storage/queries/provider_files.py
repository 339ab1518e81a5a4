"""What providers of models keep of blobs."""

from __future__ import annotations

from sqlalchemy import and_, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one, values
from muxi.storage.schema import blobs
from muxi.storage.schema_requests import provider_files as kept

_this = (mine(kept), kept.c.account == given("account"), kept.c.file_id == given("file_id"))
_there = (mine(kept), or_(kept.c.expires_at.is_(None), kept.c.expires_at > number("now")))
_gone = ~exists(select(blobs.c.hash).where(mine(blobs), blobs.c.hash == kept.c.hash))
_given_up = kept.c.attempts >= number("attempts")

FIND = (
    select(kept.c.file_id)
    .where(
        mine(kept),
        kept.c.hash == given("hash"),
        kept.c.account == given("account"),
        kept.c.form == given("form"),
        or_(kept.c.expires_at.is_(None), kept.c.expires_at > number("until")),
    )
    .order_by(kept.c.created_at)
    .limit(one(1))
    .offset(one(0))
)
IS_STORED = select(blobs.c.hash).where(mine(blobs), blobs.c.hash == given("hash"))
ADD = {
    "sqlite": sqlite.insert(kept).values(values(kept)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(kept).values(values(kept)).on_conflict_do_nothing(),
}
DROP = delete(kept).where(*_this)
LEFT = (
    select(kept.c.account, kept.c.file_id, kept.c.provider, kept.c.attempts, kept.c.next_try)
    .where(*_there, _gone, ~_given_up)
    .order_by(kept.c.next_try)
    .limit(number("limit"))
    .offset(one(0))
)
COUNT = (
    select(
        kept.c.provider,
        func.count(),
        func.sum(case((_gone, one(1)), else_=one(0))),
        func.sum(case((and_(_gone, _given_up), one(1)), else_=one(0))),
        func.min(case((_gone, kept.c.failed_at))),
    )
    .where(*_there)
    .group_by(kept.c.provider)
    .order_by(kept.c.provider)
)
LATER = (
    update(kept)
    .where(*_this)
    .values(
        attempts=number("attempts"),
        next_try=number("next_try"),
        failed_at=func.coalesce(kept.c.failed_at, number("now")),
    )
)
DROP_EXPIRED = delete(kept).where(
    mine(kept), kept.c.expires_at.is_not(None), kept.c.expires_at <= number("now")
)
