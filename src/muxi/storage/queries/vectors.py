"""Vectors of passages."""

from __future__ import annotations

from sqlalchemy import and_, delete, exists, func, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import TENANT, given, mine, number, on_each, one, seen, values, word
from muxi.storage.schema import passages, vectors

_own = and_(mine(vectors), vectors.c.owner == given("owner"))
_this = and_(
    _own,
    vectors.c.corpus == given("corpus"),
    vectors.c.model == given("model"),
    vectors.c.kind == given("kind"),
)


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(vectors))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "owner", "corpus", "model", "kind", "number"],
        set_={name: fresh.excluded[name] for name in ("dimensions", "data")},
    )


PUT = {"sqlite": _put(sqlite.insert(vectors)), "postgresql": _put(postgresql.insert(vectors))}
SCAN = select(vectors.c.number, vectors.c.data).where(_this).order_by(vectors.c.number)
KNOWN = on_each(
    lambda on: select(passages.c.number).where(
        on.beside(passages.c.tenant) == TENANT,
        on.beside(passages.c.owner) == given("owner"),
        on.beside(passages.c.corpus) == given("corpus"),
        on.among(passages.c.number, "numbers"),
    )
)
MISSING = on_each(
    lambda on: (
        select(passages.c.number, passages.c.owner, passages.c.corpus, passages.c.text)
        .where(
            on.beside(passages.c.tenant) == TENANT,
            passages.c.number > number("after"),
            seen(passages.c.owner),
            given("corpus").is_(None) | (passages.c.corpus == given("corpus")),
            passages.c.kind != word("context"),
            ~exists(
                select(one(1))
                .select_from(vectors)
                .where(
                    mine(vectors),
                    vectors.c.number == passages.c.number,
                    vectors.c.model == given("model"),
                    vectors.c.kind == given("kind"),
                )
            ),
        )
        .order_by(passages.c.number)
        .limit(number("limit"))
        .offset(one(0))
    )
)
PASSAGES = (
    select(func.count())
    .select_from(passages)
    .where(mine(passages), seen(passages.c.owner), passages.c.kind != word("context"))
)
STATE = on_each(
    lambda on: (
        select(vectors.c.model, vectors.c.kind, func.count())
        .where(on.beside(vectors.c.tenant) == TENANT, seen(vectors.c.owner))
        .group_by(vectors.c.model, vectors.c.kind)
        .order_by(vectors.c.model, vectors.c.kind)
    )
)
OF_MODEL = on_each(
    lambda on: (
        select(vectors.c.number)
        .where(
            on.beside(vectors.c.tenant) == TENANT,
            vectors.c.number > number("after"),
            vectors.c.model == given("model"),
            seen(vectors.c.owner),
        )
        .order_by(vectors.c.number)
        .limit(number("limit"))
        .offset(one(0))
    )
)
DROP = on_each(
    lambda on: delete(vectors).where(
        on.beside(vectors.c.tenant) == TENANT,
        on.among(vectors.c.number, "numbers"),
        vectors.c.model == given("model"),
        seen(vectors.c.owner),
    )
)
REMOVE = on_each(
    lambda on: delete(vectors).where(
        on.beside(vectors.c.tenant) == TENANT,
        on.beside(vectors.c.owner) == given("owner"),
        on.among(vectors.c.number, "numbers"),
    )
)
