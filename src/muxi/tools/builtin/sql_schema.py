"""Lists the tables of a database for a model. Used by the databases of the tools `sql`."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from muxi.core.errors import ToolArgumentsInvalid
from muxi.tools.content import cut

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SYSTEM = ("information_schema", "pg_")
_MAX_DETAILED = 60
"""Tables that are listed with their columns; more are listed by name."""

_Key = tuple[str | None, str]


def written_schema(connection: Connection, table: str, *, max_text: int) -> str:
    """The tables and views that can be seen, or one of them.

    Raises:
        ToolArgumentsInvalid: There is no such table.
    """
    from sqlalchemy import inspect
    from sqlalchemy.engine.reflection import ObjectKind

    inspector = inspect(connection)
    default = inspector.default_schema_name
    columns: dict[_Key, Sequence[Any]] = {}
    foreign: dict[_Key, Sequence[Any]] = {}
    primary: dict[_Key, Any] = {}
    for schema in inspector.get_schema_names():
        if schema.startswith(_SYSTEM):
            continue
        columns |= inspector.get_multi_columns(schema, kind=ObjectKind.ANY)
        primary |= inspector.get_multi_pk_constraint(schema)
        foreign |= inspector.get_multi_foreign_keys(schema)
    found = {_name(key, default): key for key in columns}
    if table:
        key = _chosen(found, table)
        names = [name for name, each in found.items() if each == key]
        return _described(names[0], columns[key], primary.get(key), foreign.get(key, ()))
    if not found:
        return "There are no tables."
    if len(found) > _MAX_DETAILED:
        lines = [f"{name} ({len(columns[key])} columns)" for name, key in found.items()]
        head = "Ask for one table to see its columns."
        return cut("\n".join([head, *lines]), max_text)
    parts = [
        _described(name, columns[key], primary.get(key), foreign.get(key, ()))
        for name, key in found.items()
    ]
    return cut("\n\n".join(parts), max_text)


def _name(key: _Key, default: str | None) -> str:
    schema, table = key
    return table if schema in (None, default) else f"{schema}.{table}"


def _chosen(found: dict[str, _Key], table: str) -> _Key:
    wanted = table.strip().strip('"`')
    for name, key in found.items():
        if wanted.casefold() == name.casefold():
            return key
    near = difflib.get_close_matches(wanted, found, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else "Ask without a table to see all."
    raise ToolArgumentsInvalid(f"There is no table `{wanted[:80]}`.", hint=hint)


def _described(name: str, columns: Sequence[Any], primary: Any, foreign: Sequence[Any]) -> str:
    keys: Sequence[str] = primary["constrained_columns"] if primary else ()
    targets = {
        column: f"{each['referred_table']}.{target}"
        for each in foreign
        for column, target in zip(
            each["constrained_columns"], each["referred_columns"], strict=False
        )
    }
    lines = [name]
    for column in columns:
        words = [f"- {column['name']}", str(column["type"])]
        if column["name"] in keys:
            words.append("primary key")
        elif not column.get("nullable", True):
            words.append("not null")
        if column["name"] in targets:
            words.append(f"refers to {targets[column['name']]}")
        if column.get("comment"):
            words.append(f"({column['comment'][:200]})")
        lines.append(" ".join(words))
    return "\n".join(lines)
