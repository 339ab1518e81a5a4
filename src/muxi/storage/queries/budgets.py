"""Budgets, what was consumed on them, and what calls under way hold of them."""

from __future__ import annotations

from sqlalchemy import and_, delete, func, or_, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import PRINCIPAL, given, mine, number, one, values, word
from muxi.storage.schema_budgets import balances, budgets, reservations

_AMOUNTS = ("tokens", "nano_dollars", "runs", "microseconds")
_HELD = ("tokens", "nano_dollars", "microseconds")
_KEY = ("tenant", "subject", "period", "starts_at")
_amounts = tuple(balances.c[name] for name in _AMOUNTS)


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(budgets))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "name"],
        set_={name: fresh.excluded[name] for name in ("updated_at", "record")},
    )


PUT = {"sqlite": _put(sqlite.insert(budgets)), "postgresql": _put(postgresql.insert(budgets))}
ALL = select(budgets.c.name, budgets.c.record).where(mine(budgets)).order_by(budgets.c.name)
DELETE = delete(budgets).where(mine(budgets), budgets.c.name == given("name"))


_balance = and_(
    mine(balances),
    balances.c.subject == given("subject"),
    balances.c.period == given("period"),
    balances.c.starts_at == number("starts_at"),
)
SPENT = select(*_amounts).where(_balance)


def _store(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(balances))
    return fresh.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={name: fresh.excluded[name] for name in ("ends_at", *_AMOUNTS)},
    )


def _add(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(balances))
    return fresh.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={
            "ends_at": fresh.excluded.ends_at,
            **{name: balances.c[name] + fresh.excluded[name] for name in _AMOUNTS},
        },
    ).returning(*_amounts)


STORE = {
    "sqlite": _store(sqlite.insert(balances)),
    "postgresql": _store(postgresql.insert(balances)),
}
ADD = {"sqlite": _add(sqlite.insert(balances)), "postgresql": _add(postgresql.insert(balances))}
CURRENT = (
    select(
        balances.c.subject,
        balances.c.period,
        balances.c.starts_at,
        balances.c.ends_at,
        *_amounts,
    )
    .where(
        mine(balances),
        balances.c.starts_at <= number("now"),
        balances.c.ends_at > number("now"),
        balances.c.period != word("run"),
        or_(
            PRINCIPAL.is_(None),
            balances.c.subject == word("user:") + PRINCIPAL,
        ),
        tuple_(balances.c.subject, balances.c.period, balances.c.starts_at)
        > tuple_(given("subject"), given("period"), number("starts_at")),
    )
    .order_by(balances.c.subject, balances.c.period, balances.c.starts_at)
    .limit(number("limit"))
    .offset(one(0))
)
CLEAN = delete(balances).where(mine(balances), balances.c.ends_at < number("before"))

HOLD = {
    "sqlite": sqlite.insert(reservations).values(values(reservations)),
    "postgresql": postgresql.insert(reservations).values(values(reservations)),
}
HELD = select(*(func.coalesce(func.sum(reservations.c[name]), one(0)) for name in _HELD)).where(
    mine(reservations),
    reservations.c.subject == given("subject"),
    reservations.c.period == given("period"),
    reservations.c.starts_at == number("starts_at"),
    reservations.c.expires_at > number("now"),
)
RELEASE = delete(reservations).where(mine(reservations), reservations.c.id == given("id"))
RENEW = (
    update(reservations)
    .where(mine(reservations), reservations.c.id == given("id"))
    .values(expires_at=number("expires_at"))
)
EXPIRE = delete(reservations).where(mine(reservations), reservations.c.expires_at < number("now"))
