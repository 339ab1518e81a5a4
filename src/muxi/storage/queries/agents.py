"""Agent definitions: immutable versions by content hash, and which one a name stands for."""

from __future__ import annotations

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, one, values
from muxi.storage.schema import agent_versions, agents

_version_number = (
    select(func.coalesce(func.max(agent_versions.c.number), one(0)) + one(1))
    .where(mine(agent_versions), agent_versions.c.name == given("name"))
    .scalar_subquery()
)


def _add(insert: sqlite.Insert | postgresql.Insert) -> object:
    return insert.values(
        values(agent_versions, "number") | {"number": _version_number}
    ).on_conflict_do_nothing()


def _select(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(agents))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "name"],
        set_={name: fresh.excluded[name] for name in ("hash", "owner", "updated_at")},
    )


ADD_VERSION = {
    "sqlite": _add(sqlite.insert(agent_versions)),
    "postgresql": _add(postgresql.insert(agent_versions)),
}
SELECT = {
    "sqlite": _select(sqlite.insert(agents)),
    "postgresql": _select(postgresql.insert(agents)),
}
GET_VERSION = select(agent_versions.c.record).where(
    mine(agent_versions),
    agent_versions.c.name == given("name"),
    agent_versions.c.hash == given("hash"),
)
_chosen = (agents.c.name == agent_versions.c.name) & (agents.c.hash == agent_versions.c.hash)
GET = (
    select(agent_versions.c.record)
    .join(agents, _chosen)
    .where(mine(agent_versions), mine(agents), agents.c.name == given("name"))
)
LIST = (
    select(agent_versions.c.record)
    .join(agents, _chosen)
    .where(mine(agent_versions), mine(agents))
    .order_by(agents.c.name)
)
VERSIONS = (
    select(
        agent_versions.c.number,
        agent_versions.c.hash,
        agent_versions.c.author,
        agent_versions.c.created_at,
    )
    .where(mine(agent_versions), agent_versions.c.name == given("name"))
    .order_by(agent_versions.c.number.desc())
)
RETIRE = delete(agents).where(mine(agents), agents.c.name == given("name"))
