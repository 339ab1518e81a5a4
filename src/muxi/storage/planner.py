"""What SQLite's planner is told of the sizes of things, so that it never walks a whole tenant.

Without statistics it takes every tenant for ten rows. Those that `ANALYZE` makes are of the day on
which it ran, and plans would turn with them; these are made from the schema, and stay. Called by
migrations, after they have changed a table, and by `compile` for new files. See "The query
planner" and "The sqlite_stat1 table" in SQLite's documentation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

Run = Callable[[str], Iterable[Any]]
"""Executes one statement of SQLite and gives its rows."""

MAKE_STATISTICS: Final = "ANALYZE tenants"
"""Makes the table of statistics if there is none, and looks at one small table only."""
LOAD_STATISTICS: Final = "ANALYZE sqlite_schema"
"""Makes a connection that is open read the statistics; others read them when they are opened."""

_MANY: Final = 1_000_000
_FEW: Final = 1_000
_OPEN: Final = 100
"""Rows of a table, of a small one, and of an index of what is under way."""
_SMALL: Final = {
    "agent_versions",
    "agents",
    "alembic_version",
    "cursors",
    "documents",
    "forgettings",
    "master_keys",
    "schema_info",
    "secrets",
    "tenants",
}
_VALUES: Final = {
    "tenant": 1,
    "corpus": 2,
    "model": 2,
    "kind": 4,
    "level": 4,
    "state": 4,
    "status": 5,
    "owner": 1_000,
    "principal": 1_000,
    "holder": 1_000,
}
"""Different values that a column has; in any other nearly every row has its own."""
_OWN: Final = 100_000


def tell_planner(run: Run) -> None:
    """Replace the statistics of an SQLite file by those of its tables and indexes as they are."""
    run(MAKE_STATISTICS)
    run("DELETE FROM sqlite_stat1")
    for statement in statistics(run):
        run(statement)
    run(LOAD_STATISTICS)


def statistics(run: Run) -> Iterator[str]:
    """The statements that fill the table of statistics."""
    found = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
    for table, sql in sorted((row[0], row[1]) for row in run(found)):
        rows = _FEW if table in _SMALL else _MANY
        indexes = sorted(run(f"PRAGMA index_list({table})"), key=lambda row: str(row[1]))
        if not indexes:
            yield _insert(table, None, [rows])
        for _, index, unique, origin, partial, *_ in indexes:
            columns = [row[2] for row in run(f"PRAGMA index_info({index})")]
            sizes = _sizes(columns, _OPEN if partial else rows, unique=bool(unique))
            # Rows that lie in the order of their key have no index beside them.
            itself = origin == "pk" and "WITHOUT ROWID" in sql
            yield _insert(table, table if itself else index, sizes)


def _sizes(columns: list[str], rows: int, *, unique: bool) -> list[int]:
    """Rows in all, then those that share the first column, the first two, and so on."""
    sizes = [rows]
    for column in columns:
        sizes.append(max(1, sizes[-1] // _VALUES.get(column, _OWN)))
    return [*sizes[:-1], 1] if unique else sizes


def _insert(table: str, index: str | None, sizes: list[int]) -> str:
    name = "NULL" if index is None else f"'{index}'"
    numbers = " ".join(map(str, sizes))
    return f"INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('{table}', {name}, '{numbers}')"  # noqa: S608 -- names of the schema
