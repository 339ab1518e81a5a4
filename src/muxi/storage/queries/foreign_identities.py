"""Who somebody of another issuer is here."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, values
from muxi.storage.schema_federation import foreign_identities

_columns = (
    foreign_identities.c.issuer,
    foreign_identities.c.subject,
    foreign_identities.c.user_id,
    foreign_identities.c.created_at,
    foreign_identities.c.seen_at,
    foreign_identities.c.record,
)
_this = (
    mine(foreign_identities),
    foreign_identities.c.issuer == given("issuer"),
    foreign_identities.c.subject == given("subject"),
)


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(foreign_identities))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "issuer", "subject"],
        set_={name: fresh.excluded[name] for name in ("user_id", "seen_at", "record")},
    )


PUT = {
    "sqlite": _put(sqlite.insert(foreign_identities)),
    "postgresql": _put(postgresql.insert(foreign_identities)),
}
GET = select(*_columns).where(*_this)
OF_USER = (
    select(*_columns)
    .where(mine(foreign_identities), foreign_identities.c.user_id == given("user_id"))
    .order_by(foreign_identities.c.issuer, foreign_identities.c.subject)
)
DELETE = delete(foreign_identities).where(*_this)
