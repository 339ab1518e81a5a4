"""Leases on threads' streams and on runs, with fencing numbers that only grow."""

from __future__ import annotations

from sqlalchemy import and_, case, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import given, mine, number, one
from muxi.storage.schema import leases

_this = and_(mine(leases), leases.c.kind == given("kind"), leases.c.id == given("id"))


def _acquire(insert: sqlite.Insert | postgresql.Insert) -> object:
    """Take the lease if it is free, past or the holder's own; its own keeps its fence."""
    fresh = insert.values(
        tenant=given("tenant"),
        kind=given("kind"),
        id=given("id"),
        holder=given("holder"),
        fence=one(1),
        expires_at=number("expires_at"),
    )
    own = and_(leases.c.holder == fresh.excluded.holder, leases.c.expires_at >= number("now"))
    return fresh.on_conflict_do_update(
        index_elements=["tenant", "kind", "id"],
        set_={
            "fence": case((own, leases.c.fence), else_=leases.c.fence + one(1)),
            "holder": fresh.excluded.holder,
            "expires_at": fresh.excluded.expires_at,
        },
        where=or_(own, leases.c.expires_at < number("now")),
    ).returning(leases.c.fence)


ACQUIRE = {
    "sqlite": _acquire(sqlite.insert(leases)),
    "postgresql": _acquire(postgresql.insert(leases)),
}
CHECK = select(leases.c.fence).where(_this).with_for_update(read=True)
RENEW = (
    update(leases)
    .where(_this, leases.c.fence == number("fence"), leases.c.holder == given("holder"))
    # What was let go stays so: nobody would let it go again.
    .where(leases.c.expires_at > one(0))
    .values(expires_at=number("expires_at"))
)
RELEASE = (
    update(leases)
    .where(_this, leases.c.fence == number("fence"), leases.c.holder == given("holder"))
    .values(expires_at=one(0))
)
EXPIRE = update(leases).where(_this, leases.c.holder != given("holder")).values(expires_at=one(0))
