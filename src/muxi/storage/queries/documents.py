"""Documents, and the pieces of them that stay when a document is indexed anew."""

from __future__ import annotations

from sqlalchemy import (
    and_,
    delete,
    exists,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from muxi.storage.queries.terms import given, mine, number, on_each, one, seen, values, word
from muxi.storage.schema import documents, passages

_mine = and_(mine(documents), seen(documents.c.owner))
_one = and_(_mine, documents.c.id == given("id"))
_COLUMNS = (documents.c.record, documents.c.added_at, documents.c.id)

INSERT = insert(documents).values(values(documents))
UPDATE = (
    update(documents)
    .where(_one)
    .values(
        name=given("name"),
        hash=given("hash"),
        status=given("status"),
        agents=given("agents"),
        indexed_at=number("indexed_at"),
        record=given("record"),
    )
)
GET = select(*_COLUMNS).where(_one)
FIND = select(*_COLUMNS).where(
    mine(documents), documents.c.owner == given("owner"), documents.c.uri == given("uri")
)
PAGE = on_each(
    lambda on: (
        select(*_COLUMNS)
        .where(
            _mine,
            on.among(documents.c.owner, "owners"),
            or_(
                documents.c.parent_id == given("parent_id"),
                and_(given("parent_id").is_(None), documents.c.parent_id.is_(None)),
            ),
            tuple_(documents.c.added_at, documents.c.id)
            < tuple_(number("before"), given("before_id")),
        )
        .order_by(documents.c.added_at.desc(), documents.c.id.desc())
        .limit(number("limit"))
        .offset(one(0))
    )
)
CHILDREN = select(*_COLUMNS).where(_mine, documents.c.parent_id == given("parent_id"))
ROOTS = select(*_COLUMNS).where(_mine, documents.c.parent_id.is_(None))
WAITING = (
    select(*_COLUMNS)
    .where(_mine, documents.c.status == word("waiting"))
    .order_by(documents.c.added_at, documents.c.id)
)
ALL = on_each(lambda on: select(*_COLUMNS).where(_mine, on.among(documents.c.owner, "owners")))
OWNERS = select(documents.c.owner).where(_mine).distinct()
RESTRICTED = on_each(
    lambda on: select(
        exists(
            select(one(1)).where(
                _mine, on.among(documents.c.owner, "owners"), documents.c.agents.is_not(None)
            )
        )
    )
)
DELETE = delete(documents).where(or_(_one, and_(_mine, documents.c.parent_id == given("id"))))
MOVE_PIECE = (
    update(passages)
    .where(
        mine(passages),
        passages.c.owner == given("owner"),
        passages.c.number == number("at"),
    )
    .values(place=number("place"), record=given("record"))
)
