"""What tables are made of: the kinds of columns, keys and indexes.

Used by the files of the schema, and by migrations, which say again what tables once were; so what
is here stays as it is. It imports SQLAlchemy and is therefore never imported by a running server.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Text,
)
from sqlalchemy import text as sql_text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


def tables() -> MetaData:
    """A set of tables, whose keys and indexes have names of one form."""
    return MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


metadata = tables()


class TransactionNumber(FunctionElement[int]):
    """Number of the writing transaction, where several may be open at once; else 0."""

    inherit_cache = True
    type = BigInteger()


@compiles(TransactionNumber, "postgresql")
def _transaction_of_postgresql(_: TransactionNumber, __: SQLCompiler, **___: Any) -> str:
    return "(pg_current_xact_id()::text::bigint)"


@compiles(TransactionNumber, "sqlite")
def _transaction_of_sqlite(_: TransactionNumber, __: SQLCompiler, **___: Any) -> str:
    return "0"


# Bytewise order on both: ids and cursors are compared, and no locale may reorder them.
_Text = Text().with_variant(Text(collation="C"), "postgresql")


def text(name: str, *, null: bool = False, key: bool = False) -> Column[str]:
    return Column(name, _Text, nullable=null, primary_key=key)


def number(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def of(table: str, column: str, key: str = "id") -> ForeignKeyConstraint:
    """Rows that go when the row they belong to goes; the tenant is part of the reference."""
    return ForeignKeyConstraint(
        ["tenant", column], [f"{table}.tenant", f"{table}.{key}"], ondelete="CASCADE"
    )


def partial(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over the rows for which `where` holds."""
    only = sql_text(where)
    return Index(name, *columns, unique=unique, sqlite_where=only, postgresql_where=only)
