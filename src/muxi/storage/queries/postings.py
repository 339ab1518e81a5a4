"""Postings: what words stand in."""

from __future__ import annotations

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    FromClause,
    Text,
    and_,
    bindparam,
    delete,
    func,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, on_each, one, values, word
from muxi.storage.schema import postings

_own = and_(
    mine(postings), postings.c.owner == given("owner"), postings.c.corpus == given("corpus")
)
_earlier = postings.alias("earlier")


def _at(pairs: FromClause, said: ColumnElement[str], passage: ColumnElement[int]) -> object:
    """The row that each pair stands in, or would: the last that begins before; else nothing."""
    begins = (
        select(func.max(_earlier.c.base))
        .where(
            mine(_earlier),
            _earlier.c.owner == given("owner"),
            _earlier.c.corpus == given("corpus"),
            _earlier.c.word == said,
            _earlier.c.base <= passage,
        )
        .scalar_subquery()
    )
    begun = select(said.label("word"), begins.label("base")).select_from(pairs).distinct()
    at = begun.subquery("begun")
    # An outer join, because SQLite would else begin with all of the owner's rows.
    return select(postings.c.word, postings.c.base, postings.c.data).select_from(
        at.outerjoin(
            postings, and_(_own, postings.c.word == at.c.word, postings.c.base == at.c.base)
        )
    )


_pairs = func.json_each(given("pairs")).table_valued("value")
_unnested = (
    func.unnest(
        bindparam("words", type_=ARRAY(Text)), bindparam("numbers", type_=ARRAY(BigInteger))
    )
    .table_valued("word", "passage", name="pairs")
    .render_derived()
)

LOCK = {
    # One writer of an owner's postings at a time: they are read before they are written.
    "sqlite": select(one(1)),
    "postgresql": select(func.pg_advisory_xact_lock(func.hashtextextended(given("key"), one(0)))),
}
AT = {
    "sqlite": _at(
        _pairs,
        func.json_extract(_pairs.c.value, word("$[0]")),
        func.json_extract(_pairs.c.value, word("$[1]")),
    ),
    "postgresql": _at(_unnested, _unnested.c.word, _unnested.c.passage),
}
OF = on_each(
    lambda on: select(postings.c.word, postings.c.base, postings.c.data).where(
        _own, on.among(postings.c.word, "words")
    )
)


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(postings))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "owner", "corpus", "word", "base"],
        set_={"data": fresh.excluded.data},
    )


PUT = {"sqlite": _put(sqlite.insert(postings)), "postgresql": _put(postgresql.insert(postings))}
DELETE = delete(postings).where(
    _own, postings.c.word == given("word"), postings.c.base == number("base")
)
