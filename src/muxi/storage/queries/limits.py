"""What is counted for a while: requests of those who have a limit, and guesses of passwords."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Delete,
    Select,
    Table,
    case,
    cast,
    delete,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.elements import ColumnElement

from muxi.storage.queries.terms import TENANT, given, mine, number, one, values
from muxi.storage.schema_limits import guesses, rates

_KEY = ["tenant", "subject"]


def _use(insert: sqlite.Insert | postgresql.Insert, given_rows: Select[*tuple[Any, ...]]) -> object:
    fresh = insert.from_select([*_KEY, "used", "full_at"], given_rows)
    later = func.greatest if isinstance(fresh, postgresql.Insert) else func.max
    # Behind what others used already, and never before these requests themselves came.
    full_at = later(rates.c.full_at + fresh.excluded.used, fresh.excluded.full_at)
    return fresh.on_conflict_do_update(
        index_elements=_KEY, set_={"used": fresh.excluded.used, "full_at": full_at}
    ).returning(rates.c.subject, rates.c.full_at)


def _of_sqlite() -> Select[*tuple[Any, ...]]:
    row = func.json_each(given("uses")).table_valued("value").c.value
    parts = (func.json_extract(row, literal_column(f"'$[{n}]'")) for n in range(3))
    # Without a condition, what follows would be taken for that of a join.
    return select(TENANT, *parts).where(one(1) == one(1))


def _of_postgresql() -> Select[*tuple[Any, ...]]:
    row = func.json_array_elements(cast(given("uses"), JSON)).column_valued("item")
    subject, used, full_at = (row.op("->>")(literal_column(str(n))) for n in range(3))
    return select(TENANT, subject, cast(used, BigInteger), cast(full_at, BigInteger))


USE = {
    "sqlite": _use(sqlite.insert(rates), _of_sqlite()),
    "postgresql": _use(postgresql.insert(rates), _of_postgresql()),
}


def _fail(insert: sqlite.Insert | postgresql.Insert) -> object:
    fresh = insert.values(
        **values(guesses, "failures", "since"), failures=one(1), since=number("now")
    )
    over = guesses.c.since <= number("before")
    return fresh.on_conflict_do_update(
        index_elements=_KEY,
        set_={
            "failures": case((over, one(1)), else_=guesses.c.failures + one(1)),
            "since": case((over, number("now")), else_=guesses.c.since),
        },
    ).returning(guesses.c.failures)


FAIL = {"sqlite": _fail(sqlite.insert(guesses)), "postgresql": _fail(postgresql.insert(guesses))}
FAILURES = select(guesses.c.failures).where(
    mine(guesses), guesses.c.subject == given("subject"), guesses.c.since > number("before")
)
SUCCEED = delete(guesses).where(mine(guesses), guesses.c.subject == given("subject"))


def _sweep(table: Table, over: ColumnElement[bool]) -> dict[str, Delete]:
    """Delete what is over; on PostgreSQL without waiting for anybody who counts just now."""
    old = select(table.c.subject).where(mine(table), over)
    free = old.with_for_update(skip_locked=True)
    return {
        "sqlite": delete(table).where(mine(table), over),
        "postgresql": delete(table).where(mine(table), table.c.subject.in_(free)),
    }


SWEEP_RATES = _sweep(rates, rates.c.full_at < number("before"))
SWEEP_GUESSES = _sweep(guesses, guesses.c.since <= number("before"))
