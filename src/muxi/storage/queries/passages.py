"""Passages: what can be found again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy import Text as TextType
from sqlalchemy.sql.elements import ClauseElement

from muxi.storage.queries.terms import (
    TENANT,
    Terms,
    beside,
    finished,
    given,
    mine,
    number,
    on_each,
    one,
    seen,
    values,
    word,
)
from muxi.storage.schema import passages

_own = and_(mine(passages), passages.c.owner == given("owner"))
_COLUMNS = (
    passages.c.number,
    passages.c.id,
    passages.c.owner,
    passages.c.corpus,
    passages.c.kind,
    passages.c.group_id,
    passages.c.place,
    passages.c.speaker,
    passages.c.said_at,
    passages.c.created_at,
    passages.c.text,
    passages.c.hash,
    passages.c.information,
    passages.c.uses,
    passages.c.used_at,
    passages.c.record,
)


def _at(on: Terms) -> ColumnElement[bool]:
    """Passages of one owner, by their numbers."""
    return and_(
        on.beside(passages.c.tenant) == TENANT,
        on.beside(passages.c.owner) == given("owner"),
        on.among(passages.c.number, "numbers"),
    )


def _of_some(on: Terms) -> ColumnElement[bool]:
    """Passages of several owners, by their numbers."""
    return and_(
        on.beside(passages.c.tenant) == TENANT,
        on.among(passages.c.number, "numbers"),
        on.among(passages.c.owner, "owners"),
    )


# What only stands in windows is given to those who ask for it by name.
_kind = or_(
    and_(given("kind").is_(None), passages.c.kind != word("context")),
    passages.c.kind == given("kind"),
)
_group = given("group_id").is_(None) | (passages.c.group_id == given("group_id"))
_in_corpus = and_(_own, passages.c.corpus == given("corpus"))

INSERT = insert(passages).values(values(passages, "number", "words", "transaction_number"))
NUMBERS = on_each(
    lambda on: select(passages.c.id, passages.c.number).where(
        mine(passages),
        on.beside(passages.c.owner) == given("owner"),
        on.among(passages.c.id, "ids"),
    )
)
GET = on_each(
    lambda on: select(*_COLUMNS).where(
        mine(passages), on.among(passages.c.id, "ids"), on.among(passages.c.owner, "owners")
    )
)
BY_NUMBERS = on_each(lambda on: select(*_COLUMNS).where(_of_some(on)))
GLIMPSES = on_each(
    lambda on: select(
        passages.c.number,
        passages.c.id,
        passages.c.speaker,
        func.coalesce(passages.c.said_at, passages.c.created_at),
        passages.c.text,
        passages.c.group_id,
    ).where(_of_some(on), on.beside(passages.c.corpus) == given("corpus"))
)
PAGE = (
    select(*_COLUMNS)
    .where(
        _in_corpus,
        _kind,
        _group,
        tuple_(passages.c.created_at, passages.c.number)
        < tuple_(number("before"), number("before_number")),
    )
    .order_by(passages.c.created_at.desc(), passages.c.number.desc())
    .limit(number("limit"))
    .offset(one(0))
)


def _since(*after: ColumnElement[bool], by: Sequence[ColumnElement[int]]) -> ClauseElement:
    return (
        select(passages.c.transaction_number, *_COLUMNS)
        .where(*after, passages.c.corpus == given("corpus"))
        .order_by(*by)
        .limit(number("limit"))
        .offset(one(0))
    )


_place = (passages.c.transaction_number, passages.c.number)
# Rows after a cursor that no transaction still open can be placed before, as for events.
SINCE = {
    "sqlite": _since(
        beside(passages.c.tenant) == TENANT,
        passages.c.number > number("after"),
        by=[passages.c.number],
    ),
    "postgresql": _since(
        mine(passages),
        tuple_(*_place) > tuple_(number("transaction_number"), number("after")),
        passages.c.transaction_number < finished(),
        by=_place,
    ),
}
GROUP = (
    select(*_COLUMNS)
    .where(
        _own,
        passages.c.group_id == given("group_id"),
        passages.c.place >= number("first"),
        passages.c.place <= number("last"),
    )
    .order_by(passages.c.place, passages.c.number)
)
LAST = (
    select(*_COLUMNS)
    .where(_own, passages.c.group_id == given("group_id"))
    .order_by(passages.c.place.desc(), passages.c.number.desc())
    .limit(number("limit"))
    .offset(one(0))
)
SAME_HASH = (
    select(*_COLUMNS).where(_own, passages.c.hash == given("hash")).order_by(passages.c.number)
)
REPEATED = (
    select(*_COLUMNS)
    .where(
        _own,
        passages.c.hash == given("hash"),
        passages.c.kind == given("kind"),
        func.coalesce(passages.c.said_at, passages.c.created_at).between(
            number("since"), number("until")
        ),
    )
    .limit(number("limit"))
    .offset(one(0))
)
IN_GROUPS = on_each(
    lambda on: select(passages.c.number).where(_own, on.among(passages.c.group_id, "groups"))
)
WORDS = on_each(
    lambda on: select(passages.c.number, passages.c.corpus, passages.c.words).where(_at(on))
)
SET_WORDS = (
    update(passages)
    .where(_own, passages.c.number == number("at"))
    .values(words=bindparam("words", type_=TextType()))
)
USED = on_each(
    lambda on: (
        update(passages)
        .where(_of_some(on))
        .values(uses=passages.c.uses + one(1), used_at=number("at"))
    )
)
COUNT = select(func.count(), func.coalesce(func.sum(passages.c.size), one(0))).where(
    _in_corpus, _kind
)
# One seek into the index for each, however many passages there are.
_first = (
    select(func.min(passages.c.speaker).label("speaker"))
    .where(_in_corpus, passages.c.speaker > word(""))
    .cte("spoke", recursive=True)
)
_after = (
    select(func.min(passages.c.speaker))
    .where(_in_corpus, passages.c.speaker > _first.c.speaker)
    .scalar_subquery()
)
_spoke = _first.union_all(select(_after).where(_first.c.speaker.is_not(None)))
SPEAKERS = (
    select(_spoke.c.speaker)
    .where(_spoke.c.speaker.is_not(None))
    .limit(number("limit"))
    .offset(one(0))
)
OWNERS = (
    select(passages.c.owner)
    .where(mine(passages), seen(passages.c.owner))
    .distinct()
    .order_by(passages.c.owner)
)
REMOVE = on_each(lambda on: delete(passages).where(_at(on)))
