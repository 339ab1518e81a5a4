"""The audit log: rows are added, numbered and linked once, never changed after that, and removed
only from the beginning, once they are too old."""

from __future__ import annotations

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one, values
from muxi.storage.schema_policy import audit, audit_seals

ADD = insert(audit).values(values(audit, "seq", "hash"))
UNSEALED = (
    select(audit.c.id, audit.c.record)
    .where(mine(audit), audit.c.seq.is_(None))
    .order_by(audit.c.id)
    .limit(number("limit"))
    .offset(one(0))
)
COUNT_UNSEALED = select(func.count()).where(mine(audit), audit.c.seq.is_(None))
LINK = (
    update(audit)
    .where(mine(audit), audit.c.id == given("id"), audit.c.seq.is_(None))
    .values(seq=number("seq"), hash=given("hash"))
)
_seal = (
    audit_seals.c.number,
    audit_seals.c.seq,
    audit_seals.c.sealed_at,
    audit_seals.c.hash,
    audit_seals.c.key,
    audit_seals.c.signature,
)
LAST_SEAL = (
    select(*_seal)
    .where(mine(audit_seals))
    .order_by(audit_seals.c.number.desc())
    .limit(number("limit"))
    .offset(one(0))
)
ADD_SEAL = {
    "sqlite": sqlite.insert(audit_seals)
    .values(values(audit_seals, "cut"))
    .on_conflict_do_nothing(),
    "postgresql": postgresql.insert(audit_seals)
    .values(values(audit_seals, "cut"))
    .on_conflict_do_nothing(),
}
SEALS = (
    select(*_seal)
    .where(mine(audit_seals), audit_seals.c.number > number("after"))
    .order_by(audit_seals.c.number)
    .limit(number("limit"))
    .offset(one(0))
)
FIRST_SEAL = (
    select(*_seal, audit_seals.c.cut)
    .where(mine(audit_seals))
    .order_by(audit_seals.c.number)
    .limit(one(1))
    .offset(one(0))
)
OLD_SEAL = (
    select(*_seal)
    .where(
        mine(audit_seals),
        audit_seals.c.number <= number("upto"),
        audit_seals.c.sealed_at < number("before"),
    )
    .order_by(audit_seals.c.number.desc())
    .limit(one(1))
    .offset(one(0))
)
CUT_ENTRIES = delete(audit).where(mine(audit), audit.c.seq <= number("seq"))
CUT_SEALS = delete(audit_seals).where(mine(audit_seals), audit_seals.c.number < number("number"))
MARK_CUT = (
    update(audit_seals)
    .where(mine(audit_seals), audit_seals.c.number == number("number"))
    .values(cut=given("cut"))
)
LINKED = (
    select(audit.c.seq, audit.c.record, audit.c.hash)
    .where(mine(audit), audit.c.seq > number("after"), audit.c.seq <= number("upto"))
    .order_by(audit.c.seq)
)
LIST = (
    select(audit.c.id, audit.c.seq, audit.c.record, audit.c.hash)
    .where(
        mine(audit),
        audit.c.id < given("before_id"),
        or_(given("actor").is_(None), audit.c.actor == given("actor")),
        or_(given("action").is_(None), audit.c.action == given("action")),
        or_(given("outcome").is_(None), audit.c.outcome == given("outcome")),
    )
    .order_by(audit.c.id.desc())
    .limit(number("limit"))
    .offset(one(0))
)
