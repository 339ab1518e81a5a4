"""The terms that statements share: the scope's tenant and principal, and words of the schema."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Table,
    Text,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
)
from sqlalchemy.sql.elements import BindParameter

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
