"""One statement on one SQLite file, in a process of its own. Started by `sqlite_access`, by path.

A process, because some functions of SQLite can compute for hours without looking up, and only a
process can be ended then. It imports nothing but the standard library, to start quickly. An
authorizer of SQLite itself refuses, step by step, what is not allowed: in a query everything that
is not reading, always other files, pragmas, and functions that reach outside.

It reads its task as JSON from standard input and writes its answer as JSON to standard output.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from typing import Any

_READING = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE, sqlite3.SQLITE_FUNCTION}
)
_NEVER = frozenset(
    {
        sqlite3.SQLITE_ATTACH,
        sqlite3.SQLITE_DETACH,
        sqlite3.SQLITE_PRAGMA,
        sqlite3.SQLITE_TRANSACTION,
        sqlite3.SQLITE_SAVEPOINT,
        sqlite3.SQLITE_CREATE_VTABLE,
    }
)
_OUTSIDE = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
"""Functions that some builds have and that reach beyond the database."""
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: 10_000_000,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 200_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_MEMORY = 2_000_000_000
"""Bytes of address space, where the system keeps to such a bound."""


def _bound() -> None:
    """Bound the memory of this process."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _only_reading(action: int, first: str | None, second: str | None, *_: Any) -> int:
    outside = action == sqlite3.SQLITE_FUNCTION and second in _OUTSIDE
    return sqlite3.SQLITE_DENY if outside or action not in _READING else sqlite3.SQLITE_OK


def _no_escape(action: int, first: str | None, second: str | None, *_: Any) -> int:
    outside = action == sqlite3.SQLITE_FUNCTION and second in _OUTSIDE
    return sqlite3.SQLITE_DENY if outside or action in _NEVER else sqlite3.SQLITE_OK


def _answer(task: dict[str, Any]) -> dict[str, Any]:
    writes: bool = task["writes"]
    connection = sqlite3.connect(
        f"{task['file']}?mode={'rw' if writes else 'ro'}",
        uri=True,
        isolation_level=None,
        timeout=task["patience"],
    )
    for kind, most in _LIMITS.items():
        connection.setlimit(kind, most)
    connection.text_factory = _text
    connection.execute("PRAGMA trusted_schema = OFF")
    return _changed(connection, task) if writes else _asked(connection, task)


def _asked(connection: sqlite3.Connection, task: dict[str, Any]) -> dict[str, Any]:
    connection.execute("PRAGMA query_only = ON")
    connection.set_authorizer(_only_reading)
    statement, cell = task["statement"], int(task["cell"])
    if task["plain"]:
        cursor = connection.execute(statement)
        return _table(_names(cursor), cursor, task)
    # Asked for no row, a statement tells its columns; each value is then cut where it is.
    first = f"SELECT * FROM (\n{statement}\n) LIMIT 0"  # noqa: S608 -- the statement may read anything; SQLite holds it to that
    names = _names(connection.execute(first))
    columns = [f"c{number}" for number in range(len(names))]
    shown = ", ".join(
        f"CASE typeof({each}) WHEN 'blob' THEN '<' || length({each}) || ' bytes>'"
        f" WHEN 'text' THEN substr({each}, 1, {cell}) ELSE {each} END"
        for each in columns
    )
    head = f"WITH muxi_asked({', '.join(columns)}) AS (\n{statement}\n)"
    rows = connection.execute(f"{head} SELECT {shown} FROM muxi_asked")  # noqa: S608 -- held to reading, likewise
    return _table(names, rows, task)


def _changed(connection: sqlite3.Connection, task: dict[str, Any]) -> dict[str, Any]:
    connection.execute("BEGIN IMMEDIATE")
    connection.set_authorizer(_no_escape)
    cursor = connection.execute(task["statement"])
    # A change with RETURNING is complete only when its rows have been read.
    rows = cursor.fetchall()
    table = _table(_names(cursor), rows, task)
    connection.set_authorizer(None)
    connection.execute("COMMIT")
    return {**table, "changed": max(0, cursor.rowcount)}


def _table(names: list[str], rows: Any, task: dict[str, Any]) -> dict[str, Any]:
    """The first rows, one more than are shown, so that it is known whether there are more."""
    kept: list[list[Any]] = []
    room: int = task["text"]
    for row in rows:
        cells = [_plain(value, task["cell"]) for value in row]
        kept.append(cells)
        room -= sum(len(str(cell)) for cell in cells)
        if len(kept) > task["rows"] or room < 0:
            break
    return {"names": names, "rows": kept}


def _plain(value: Any, cell: int) -> Any:
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value[:cell] if isinstance(value, str) else value


def _text(data: bytes) -> str:
    return data.decode(errors="replace")


def _names(cursor: sqlite3.Cursor) -> list[str]:
    return [str(column[0])[:100] for column in cursor.description or ()]


def main() -> None:
    """Read the task, do it, and write the answer."""
    _bound()
    try:
        answer = _answer(json.load(sys.stdin))
    except (sqlite3.Error, sqlite3.Warning, MemoryError) as error:
        answer = {"error": str(error) or "out of memory"}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
