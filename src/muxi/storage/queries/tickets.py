"""Tickets: what opens one WebSocket, once and soon."""

from __future__ import annotations

from sqlalchemy import LargeBinary, bindparam, delete, insert, select

from muxi.storage.queries.terms import mine, number, values
from muxi.storage.schema_identity import tickets

_over = (mine(tickets), tickets.c.expires_at <= number("now"))

ADD = insert(tickets).values(values(tickets))
TAKE = (
    delete(tickets)
    .where(mine(tickets), tickets.c.digest == bindparam("digest", type_=LargeBinary()))
    .returning(tickets.c.sealed, tickets.c.expires_at)
)
SWEEP = {
    "sqlite": delete(tickets).where(*_over),
    # Without waiting for anybody who takes or sweeps one just now.
    "postgresql": delete(tickets).where(
        mine(tickets),
        tickets.c.digest.in_(
            select(tickets.c.digest).where(*_over).with_for_update(skip_locked=True)
        ),
    ),
}
