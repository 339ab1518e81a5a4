"""Usage: what each attempt of a run consumed; it outlives the thread, for budgets and analytics."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import PRINCIPAL, given, mine, number, one, values
from muxi.storage.schema import usage

_KEY = ("tenant", "run_id", "attempt")


def _put(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(values(usage))
    return fresh.on_conflict_do_update(
        index_elements=list(_KEY),
        set_={c.name: fresh.excluded[c.name] for c in usage.columns if c.name not in _KEY},
    )


PUT = {"sqlite": _put(sqlite.insert(usage)), "postgresql": _put(postgresql.insert(usage))}


def _sum(name: str) -> ColumnElement[int]:
    return func.coalesce(func.sum(usage.c[name]), one(0))


TOTAL = select(
    func.count(),
    *(
        _sum(name)
        for name in (
            "requests",
            "tool_calls",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "cache_write_tokens",
            "reasoning_tokens",
            "nano_dollars",
        )
    ),
    func.count(usage.c.nano_dollars),
).where(
    mine(usage),
    or_(PRINCIPAL.is_(None), usage.c.owner == PRINCIPAL),
    usage.c.created_at >= number("since"),
    usage.c.created_at < number("until"),
    or_(given("owner").is_(None), usage.c.owner == given("owner")),
    or_(given("agent").is_(None), usage.c.agent == given("agent")),
    or_(given("model").is_(None), usage.c.model == given("model")),
)
OF_RUN = (
    select(usage.c.record)
    .where(mine(usage), usage.c.run_id == given("run_id"))
    .order_by(usage.c.attempt)
)
