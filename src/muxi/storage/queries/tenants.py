"""Tenants: what they are called, whether they may do anything, and how often they changed."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one, values
from muxi.storage.schema import tenants


def _add(insert: sqlite.Insert | postgresql.Insert) -> object:
    return insert.values(values(tenants, "disabled_at", "revision")).on_conflict_do_nothing()


ADD = {"sqlite": _add(sqlite.insert(tenants)), "postgresql": _add(postgresql.insert(tenants))}
GET = select(tenants.c.name, tenants.c.disabled_at, tenants.c.created_at, tenants.c.revision).where(
    mine(tenants)
)
UPDATE = (
    update(tenants)
    .where(mine(tenants))
    .values(name=given("name"), disabled_at=number("disabled_at"))
)
TOUCH = update(tenants).where(mine(tenants)).values(revision=tenants.c.revision + one(1))
