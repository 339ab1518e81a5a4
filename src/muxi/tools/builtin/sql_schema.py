"""Lists the tables of a database for a model. Used by the databases of the tools `sql`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from muxi.core.errors import ToolArgumentsInvalid
from muxi.tools.content import cut

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SYSTEM = ("information_schema", "pg_")
_MAX_DETAILED = 60
"""Tables that are listed with their columns; more are listed by name."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, in words."""

    name: str
    type: str
    nullable: bool = True
    primary: bool = False
    comment: str = ""


@dataclass(slots=True)
class Table:
    """One table or view, under the name by which statements know it."""

    name: str
    columns: list[Column] = field(default_factory=list[Column])
    targets: dict[str, str] = field(default_factory=dict[str, str])
    """What a column refers to, as `table.column`."""


def qualified(schema: str | None, table: str, default: str | None) -> str:
    """The name of a table, with its schema unless that is the usual one."""
    return table if schema in (None, default) else f"{schema}.{table}"


def reflected(connection: Connection) -> list[Table]:
    """The tables and views that can be seen, as SQLAlchemy finds them."""
    from sqlalchemy import inspect
    from sqlalchemy.engine.reflection import ObjectKind

    inspector = inspect(connection)
    default = inspector.default_schema_name
    found: list[Table] = []
    for schema in inspector.get_schema_names():
        if schema.startswith(_SYSTEM):
            continue
        keys = inspector.get_multi_pk_constraint(schema)
        foreign = inspector.get_multi_foreign_keys(schema)
        for key, columns in inspector.get_multi_columns(schema, kind=ObjectKind.ANY).items():
            primary = keys[key]["constrained_columns"] if key in keys else ()
            table = Table(
                qualified(*key, default),
                [
                    Column(
                        each["name"],
                        str(each["type"]),
                        nullable=each.get("nullable", True),
                        primary=each["name"] in primary,
                        comment=each.get("comment") or "",
                    )
                    for each in columns
                ],
            )
            for each in foreign.get(key, ()):
                pairs = zip(each["constrained_columns"], each["referred_columns"], strict=False)
                for column, target in pairs:
                    table.targets[column] = f"{each['referred_table']}.{target}"
            found.append(table)
    return found


def written_schema(tables: Iterable[Table], table: str, *, max_text: int) -> str:
    """Tables with their columns, or one of them.

    Raises:
        ToolArgumentsInvalid: There is no such table.
    """
    found = {each.name: each for each in tables}
    if table:
        return _described(_chosen(found, table))
    if not found:
        return "There are no tables."
    if len(found) > _MAX_DETAILED:
        lines = [f"{each.name} ({len(each.columns)} columns)" for each in found.values()]
        head = "Ask for one table to see its columns."
        return cut("\n".join([head, *lines]), max_text)
    return cut("\n\n".join(map(_described, found.values())), max_text)


def _chosen(found: dict[str, Table], table: str) -> Table:
    wanted = table.strip().strip('"`')
    for name, each in found.items():
        if wanted.casefold() == name.casefold():
            return each
    near = difflib.get_close_matches(wanted, found, n=3)
    hint = f"Did you mean {', '.join(near)}?" if near else "Ask without a table to see all."
    raise ToolArgumentsInvalid(f"There is no table `{wanted[:80]}`.", hint=hint)


def _described(table: Table) -> str:
    lines = [table.name]
    for column in table.columns:
        words = [f"- {column.name}", column.type]
        if column.primary:
            words.append("primary key")
        elif not column.nullable:
            words.append("not null")
        if column.name in table.targets:
            words.append(f"refers to {table.targets[column.name]}")
        if column.comment:
            words.append(f"({column.comment[:200]})")
        lines.append(" ".join(words))
    return "\n".join(lines)
