"""Facts of an owner: versions in the order in which they hold.

Ranges are of (subject, predicate), from the first pair up to and without the second, so that one
statement serves a fact, a path with all below it, a subject and an owner.
"""

from __future__ import annotations

from sqlalchemy import and_, delete, func, insert, or_, select, tuple_, update

from muxi.storage.queries.terms import given, mine, number, one, seen, values, word
from muxi.storage.schema import facts

_own = and_(mine(facts), facts.c.owner == given("owner"))
_this = and_(_own, facts.c.subject == given("subject"), facts.c.predicate == given("predicate"))
_key = tuple_(facts.c.subject, facts.c.predicate)
_before_last = _key < tuple_(given("last_subject"), given("last_predicate"))
# Pairs, not columns one by one: only so does SQLite enter its index by both.
_range = and_(_own, _key >= tuple_(given("first_subject"), given("first_predicate")), _before_last)
_place = tuple_(facts.c.valid_from, facts.c.recorded_at)
_statement = tuple_(number("at"), number("recorded_at"))
_something = facts.c.value != word("")
_open = or_(facts.c.valid_to.is_(None), facts.c.valid_to > number("at"))
_holds = and_(_something, facts.c.valid_from <= number("at"), _open)
_COLUMNS = (
    facts.c.id,
    facts.c.subject,
    facts.c.predicate,
    facts.c.value,
    facts.c.valid_from,
    facts.c.valid_to,
    facts.c.recorded_at,
    facts.c.source_message_id,
    facts.c.source_memory_id,
    facts.c.confidence,
    facts.c.source,
    facts.c.record,
)
_in_order = (
    facts.c.subject,
    facts.c.predicate,
    facts.c.valid_from,
    facts.c.recorded_at,
    facts.c.id,
)
_after = tuple_(*_in_order) > tuple_(
    given("after_subject"),
    given("after_predicate"),
    number("after_from"),
    number("after_recorded"),
    given("after_id"),
)

LOCK = {
    # One writer of an owner's facts at a time: a chain is read before it is written.
    "sqlite": select(one(1)),
    "postgresql": select(func.pg_advisory_xact_lock(func.hashtextextended(given("key"), one(0)))),
}
INSERT = insert(facts).values(values(facts))
UPDATE = (
    update(facts)
    .where(_own, facts.c.id == given("id"))
    .values(values(facts, "tenant", "id", "owner", "subject", "predicate", "value"))
)
BEFORE = (
    select(*_COLUMNS)
    .where(_this, facts.c.valid_from <= number("at"), _place <= _statement)
    .order_by(facts.c.valid_from.desc(), facts.c.recorded_at.desc(), facts.c.id.desc())
    .limit(one(1))
    .offset(one(0))
)
AFTER = (
    select(*_COLUMNS)
    .where(_this, facts.c.valid_from >= number("at"), _place > _statement)
    .order_by(facts.c.valid_from, facts.c.recorded_at, facts.c.id)
    .limit(one(1))
    .offset(one(0))
)
CHAINS = select(*_COLUMNS).where(_range).order_by(*_in_order).limit(number("limit")).offset(one(0))
RIVALS = select(facts.c.subject, facts.c.predicate, facts.c.valid_from).where(
    _range, _something, _open
)
HOLDING = (
    select(*_COLUMNS)
    .where(_range, _holds)
    .order_by(facts.c.subject, facts.c.predicate)
    .limit(number("limit"))
    .offset(one(0))
)
LEAVES = (
    select(facts.c.predicate, facts.c.value, facts.c.valid_from)
    .where(_range, _holds)
    .order_by(facts.c.subject, facts.c.predicate)
)
HISTORY = (
    select(*_COLUMNS)
    .where(_own, _before_last, _something, _after)
    .order_by(*_in_order)
    .limit(number("limit"))
    .offset(one(0))
)
GET = select(*_COLUMNS).where(_own, facts.c.id == given("id"))
CITING = {
    # Confirmations stand in the record; the ones that are not meant are sorted out by the caller.
    "sqlite": select(*_COLUMNS).where(
        _own,
        or_(
            facts.c.source_message_id == given("source_id"),
            facts.c.source_memory_id == given("source_id"),
            func.instr(facts.c.record, given("source_text")) > one(0),
        ),
    ),
    "postgresql": select(*_COLUMNS).where(
        _own,
        or_(
            facts.c.source_message_id == given("source_id"),
            facts.c.source_memory_id == given("source_id"),
            func.strpos(facts.c.record, given("source_text")) > one(0),
        ),
    ),
}
SUBJECTS = (
    select(facts.c.subject, func.count())
    .where(_own, facts.c.subject > given("after_subject"), _holds)
    .group_by(facts.c.subject)
    .order_by(facts.c.subject)
    .limit(number("limit"))
    .offset(one(0))
)
COUNT = select(func.count(), func.coalesce(func.sum(func.length(facts.c.value)), one(0))).where(
    _own, _something
)
_past = and_(_own, facts.c.valid_to.is_not(None), facts.c.valid_to <= number("before"))
COUNT_PAST = select(func.count()).where(_past)
PAST = (
    select(facts.c.id, func.length(facts.c.value))
    .where(_past)
    .order_by(facts.c.valid_to, facts.c.recorded_at, facts.c.id)
    .limit(number("limit"))
    .offset(one(0))
)
OWNERS = (
    select(facts.c.owner).where(mine(facts), seen(facts.c.owner)).distinct().order_by(facts.c.owner)
)
DELETE = delete(facts).where(_own, facts.c.id == given("id"))
DELETE_RANGE = delete(facts).where(_range)
DELETE_OWNER = delete(facts).where(_own)
