"""Roles and policies of a tenant, by name."""

from __future__ import annotations

from sqlalchemy import Table, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, values
from muxi.storage.schema_policy import policies, roles


def _put(table: Table) -> dict[str, object]:
    def of(insert: sqlite.Insert | postgresql.Insert) -> object:
        fresh = insert.values(values(table))
        return fresh.on_conflict_do_update(
            index_elements=["tenant", "name"],
            set_={name: fresh.excluded[name] for name in ("updated_at", "record")},
        )

    return {"sqlite": of(sqlite.insert(table)), "postgresql": of(postgresql.insert(table))}


PUT_ROLE = _put(roles)
ROLES = select(roles.c.record).where(mine(roles)).order_by(roles.c.name)
DELETE_ROLE = delete(roles).where(mine(roles), roles.c.name == given("name"))
PUT_POLICY = _put(policies)
POLICIES = select(policies.c.record).where(mine(policies)).order_by(policies.c.name)
DELETE_POLICY = delete(policies).where(mine(policies), policies.c.name == given("name"))
