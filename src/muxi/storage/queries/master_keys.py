"""Master keys that a key service has wrapped."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from muxi.storage.queries.terms import given, mine, values
from muxi.storage.schema_federation import master_keys

ADD = insert(master_keys).values(values(master_keys))
ALL = (
    select(master_keys.c.id, master_keys.c.wrapped)
    .where(mine(master_keys))
    .order_by(master_keys.c.created_at.desc(), master_keys.c.id)
)
DELETE_OTHERS = delete(master_keys).where(mine(master_keys), master_keys.c.id != given("id"))
