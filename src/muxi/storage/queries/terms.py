"""The terms that statements share: the scope's tenant and principal, and words of the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    FromClause,
    Table,
    Text,
    any_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql.elements import BindParameter, ClauseElement, UnaryExpression
from sqlalchemy.sql.operators import custom_op

from muxi.storage.schema import participants

TENANT: BindParameter[str] = bindparam("tenant", type_=Text())
PRINCIPAL: BindParameter[str | None] = bindparam("principal", type_=Text())


def given(name: str) -> BindParameter[str]:
    """A text parameter."""
    return bindparam(name, type_=Text())


def number(name: str) -> BindParameter[int]:
    """A whole-number parameter."""
    return bindparam(name, type_=BigInteger())


def word(value: str) -> ColumnElement[str]:
    """A constant text, written into the statement."""
    return literal_column(f"'{value}'", Text())


def one(value: int) -> ColumnElement[int]:
    """A constant number, written into the statement."""
    return literal_column(str(value), BigInteger())


def finished() -> ColumnElement[int]:
    """On PostgreSQL: the first transaction that may be open still; all before it have ended."""
    return literal_column("pg_snapshot_xmin(pg_current_snapshot())::text::bigint", BigInteger())


def begun() -> ColumnElement[int]:
    """On PostgreSQL: the first transaction that has not begun."""
    return literal_column("pg_snapshot_xmax(pg_current_snapshot())::text::bigint", BigInteger())


def mine(table: FromClause) -> ColumnElement[bool]:
    """The row belongs to the scope's tenant."""
    return table.c.tenant == TENANT


def values(table: Table, *without: str) -> dict[str, BindParameter[object]]:
    """A parameter for each column of `table`, of the same name."""
    return {
        column.name: bindparam(column.name, type_=column.type)
        for column in table.columns
        if column.name not in without
    }


def visible(thread_id: ColumnElement[str]) -> ColumnElement[bool]:
    """The scope's principal takes part in the thread, or the scope is the tenant as a whole."""
    return or_(
        PRINCIPAL.is_(None),
        exists(
            select(one(1))
            .select_from(participants)
            .where(
                mine(participants),
                participants.c.principal == PRINCIPAL,
                participants.c.thread_id == thread_id,
            )
        ),
    )


def beside(column: Column[Any]) -> ColumnElement[Any]:
    """For SQLite: a column that rows are neither looked up nor put in order by an index of.

    Without statistics it takes an owner or a tenant to have ten rows, and would walk all of them
    rather than go to a handful by their keys.
    """
    plus: custom_op[Any] = custom_op("+")
    return UnaryExpression(column, operator=plus, type_=column.type)


class Terms:
    """Terms that a statement takes from `on_each`, for PostgreSQL."""

    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        """The value is one of a parameter's, which is what `records.listed` gives."""
        return column == any_(bindparam(name, type_=ARRAY(type(column.type))))

    def beside(self, column: Column[Any]) -> ColumnElement[Any]:
        """A column that is compared, but that rows are not to be looked up by."""
        return column


class _TermsOfSqlite(Terms):
    def among(self, column: Column[Any], name: str) -> ColumnElement[bool]:
        return column.in_(select(func.json_each(given(name)).table_valued("value").c.value))

    def beside(self, column: Column[Any]) -> ColumnElement[Any]:
        return beside(column)


def on_each(make: Callable[[Terms], ClauseElement]) -> Mapping[str, ClauseElement]:
    """The statement that `make` gives for each database."""
    return {"sqlite": make(_TermsOfSqlite()), "postgresql": make(Terms())}


def seen(owner: ColumnElement[str]) -> ColumnElement[bool]:
    """The row is no other user's: the rule that PostgreSQL enforces by itself besides."""
    return or_(
        PRINCIPAL.is_(None),
        func.substr(owner, one(1), one(5)) != word("user:"),
        owner == word("user:") + PRINCIPAL,
    )
