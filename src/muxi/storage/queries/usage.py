"""Usage: what each attempt of a run consumed; it outlives the thread, for budgets and analytics."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import PRINCIPAL, given, mine, number, one, values, word
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


def _apart(name: str) -> ColumnElement[str]:
    """The value of a column, if its values are to be told apart."""
    column = func.coalesce(usage.c[name], word(""))
    return case((given(f"by_{name}") == word("yes"), column), else_=word(""))


_groups = (_apart("agent"), _apart("owner"), _apart("model"))
GROUPED = (
    select(
        *_groups,
        func.count(),
        *(
            _sum(name)
            for name in (
                "requests",
                "tool_calls",
                "input_tokens",
                "output_tokens",
                "cached_tokens",
                "reasoning_tokens",
                "microseconds",
                "nano_dollars",
            )
        ),
        func.count(usage.c.nano_dollars),
    )
    .where(
        mine(usage),
        or_(PRINCIPAL.is_(None), usage.c.owner == PRINCIPAL),
        usage.c.created_at >= number("since"),
        usage.c.created_at < number("until"),
        or_(given("owner").is_(None), usage.c.owner == given("owner")),
        or_(given("agent").is_(None), usage.c.agent == given("agent")),
        or_(given("model").is_(None), usage.c.model == given("model")),
        or_(
            given("after_agent").is_(None),
            tuple_(*_groups)
            > tuple_(given("after_agent"), given("after_owner"), given("after_model")),
        ),
    )
    .group_by(*_groups)
    .order_by(*_groups)
    .limit(number("limit"))
    .offset(one(0))
)
LAST = select(func.max(usage.c.created_at)).where(
    mine(usage),
    or_(PRINCIPAL.is_(None), usage.c.owner == PRINCIPAL),
    usage.c.created_at < number("until"),
)
OF_RUN = (
    select(usage.c.record)
    .where(mine(usage), usage.c.run_id == given("run_id"))
    .order_by(usage.c.attempt)
)
