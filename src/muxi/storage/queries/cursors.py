"""Cursors: where a background worker stands."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, values
from muxi.storage.schema import cursors

_this = (mine(cursors), cursors.c.name == given("name"))


def _set(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(cursors))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "name"],
        set_={name: fresh.excluded[name] for name in ("cursor", "updated_at")},
    )


GET = select(cursors.c.cursor).where(*_this)
SET = {"sqlite": _set(sqlite.insert(cursors)), "postgresql": _set(postgresql.insert(cursors))}
DELETE = delete(cursors).where(*_this)
