"""Forgettings: which were begun, and which are whole."""

from __future__ import annotations

from sqlalchemy import delete, insert, select, update

from muxi.storage.queries.terms import given, mine, number, values, word
from muxi.storage.schema import forgettings

_this = (mine(forgettings), forgettings.c.id == given("id"))

INSERT = insert(forgettings).values(values(forgettings))
OPEN = (
    select(forgettings.c.id, forgettings.c.owner, forgettings.c.what)
    .where(mine(forgettings), forgettings.c.state == word("started"))
    .order_by(forgettings.c.created_at, forgettings.c.id)
)
GET = select(forgettings.c.what).where(*_this)
CHANGE = update(forgettings).where(*_this).values(what=given("what"))
FINISH = (
    update(forgettings)
    .where(*_this)
    .values(
        owner=given("owner"), what=given("what"), state=given("state"), done_at=number("done_at")
    )
)
DROP_OLD = delete(forgettings).where(
    mine(forgettings),
    forgettings.c.state == word("done"),
    forgettings.c.done_at < number("before"),
)
