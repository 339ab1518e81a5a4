"""Vectors of passages, and which passages have which."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    and_,
    bindparam,
    delete,
    exists,
    func,
    select,
    tuple_,
)
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import (
    TENANT,
    given,
    mine,
    number,
    on_each,
    one,
    seen,
    values,
    word,
)
from muxi.storage.schema import embedded, passages, vectors

_this = and_(
    mine(vectors),
    vectors.c.owner == given("owner"),
    vectors.c.corpus == given("corpus"),
    vectors.c.model == given("model"),
    vectors.c.kind == given("kind"),
)
_earlier = vectors.alias("earlier")
_BLOCK = (vectors.c.base, vectors.c.dimensions, vectors.c.numbers, vectors.c.data)
_KEY = ("tenant", "owner", "corpus", "model", "kind", "base")


def _at(numbers: FromClause, passage: ColumnElement[int]) -> object:
    """The row that each passage stands in, or would: the last that begins before; else nothing."""
    begins = (
        select(func.max(_earlier.c.base))
        .where(
            mine(_earlier),
            _earlier.c.owner == given("owner"),
            _earlier.c.corpus == given("corpus"),
            _earlier.c.model == given("model"),
            _earlier.c.kind == given("kind"),
            _earlier.c.base <= passage,
        )
        .scalar_subquery()
    )
    begun = select(begins.label("base")).select_from(numbers).distinct().subquery("begun")
    # An outer join, because SQLite would else begin with all of the owner's rows.
    return select(*_BLOCK).select_from(
        begun.outerjoin(vectors, and_(_this, vectors.c.base == begun.c.base))
    )


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(vectors))
    return fresh.on_conflict_do_update(
        index_elements=_KEY,
        set_={name: fresh.excluded[name] for name in ("dimensions", "numbers", "data")},
    )


_listed = func.json_each(given("numbers")).table_valued("value")
_unnested = (
    func.unnest(bindparam("numbers", type_=ARRAY(BigInteger)))
    .table_valued("passage", name="wanted")
    .render_derived()
)

AT = {
    "sqlite": _at(_listed, _listed.c.value),
    "postgresql": _at(_unnested, _unnested.c.passage),
}
PUT = {"sqlite": _put(sqlite.insert(vectors)), "postgresql": _put(postgresql.insert(vectors))}
DELETE = delete(vectors).where(_this, vectors.c.base == number("base"))
SCAN = select(*_BLOCK).where(_this).order_by(vectors.c.base)
MARK = {
    "sqlite": sqlite.insert(embedded).values(values(embedded)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(embedded).values(values(embedded)).on_conflict_do_nothing(),
}
MARKS = on_each(
    lambda on: select(
        embedded.c.owner,
        embedded.c.corpus,
        embedded.c.model,
        embedded.c.kind,
        embedded.c.number,
    ).where(
        on.beside(embedded.c.tenant) == TENANT,
        on.among(embedded.c.number, "numbers"),
        seen(embedded.c.owner),
        given("owner").is_(None) | (embedded.c.owner == given("owner")),
        given("kind").is_(None) | (embedded.c.kind == given("kind")),
    )
)
UNMARK = on_each(
    lambda on: delete(embedded).where(
        on.beside(embedded.c.tenant) == TENANT,
        on.among(embedded.c.number, "numbers"),
        seen(embedded.c.owner),
        embedded.c.model == given("model"),
        given("kind").is_(None) | (embedded.c.kind == given("kind")),
    )
)
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
                .select_from(embedded)
                .where(
                    mine(embedded),
                    embedded.c.number == passages.c.number,
                    embedded.c.model == given("model"),
                    embedded.c.kind == given("kind"),
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
STATE = (
    select(embedded.c.model, embedded.c.kind, func.count())
    .where(mine(embedded), seen(embedded.c.owner))
    .group_by(embedded.c.model, embedded.c.kind)
    .order_by(embedded.c.model, embedded.c.kind)
)
OF_MODEL = on_each(
    lambda on: (
        select(embedded.c.number)
        .where(
            on.beside(embedded.c.tenant) == TENANT,
            embedded.c.number > number("after"),
            embedded.c.model == given("model"),
            seen(embedded.c.owner),
        )
        .order_by(embedded.c.number)
        .limit(number("limit"))
        .offset(one(0))
    )
)
_keys = [vectors.c[name] for name in _KEY]
DROP = delete(vectors).where(
    mine(vectors),
    tuple_(*_keys).in_(
        select(*_keys)
        .where(mine(vectors), vectors.c.model == given("model"), seen(vectors.c.owner))
        .limit(number("limit"))
        .offset(one(0))
    ),
)
