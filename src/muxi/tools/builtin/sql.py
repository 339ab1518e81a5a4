"""The tools `sql`: what is in the databases that a project names, and by its leave, changes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxi.config.local_tool_settings import SqlTool
from muxi.core.errors import ConfigError, ToolArgumentsInvalid
from muxi.core.manifests import Permissions, SecretNeed, ToolManifest
from muxi.tools.builtin.setup import Setup
from muxi.tools.builtin.sql_rows import Access, Limits
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="sql",
    version="1.1.0",
    summary="Asks SQLite, PostgreSQL, MySQL and MariaDB databases; changes them only by leave.",
    tools=SqlTool.functions,
    permissions=Permissions(files="read", network=("the hosts of `databases`",)),
    secrets=(SecretNeed(name="databases", description="Addresses with passwords.", required=True),),
    notes=(
        "Reading is enforced by the database: a read-only file and an authorizer in SQLite, a"
        " read-only transaction in the others, where a role with rights over the server's files,"
        " programs or other roles is refused. Functions that act outside of the transaction, such"
        " as those that end other sessions of the same role, remain: give agents a role of their"
        " own. MySQL and MariaDB need `pip install 'muxi[mysql]'`; tested against MariaDB."
    ),
)

_SCHEMA: Examples = (
    ("Which tables are there?", {}),
    ("What columns does the table orders have?", {"table": "orders"}),
    ("Show me the tables of the database sales", {"database": "sales"}),
)
_QUERY: Examples = (
    ("How many customers do we have?", {"statement": "SELECT count(*) FROM customers"}),
    (
        "Show the five most expensive products",
        {"statement": "SELECT name, price FROM products ORDER BY price DESC LIMIT 5"},
    ),
    (
        "What did each city order in total?",
        {
            "statement": "SELECT city, sum(total) FROM orders"
            " JOIN customers ON customers.id = orders.customer_id GROUP BY city"
        },
    ),
    ("Run SELECT 1 + 1", {"statement": "SELECT 1 + 1"}),
)
_EXECUTE: Examples = (
    (
        "Set the price of product 7 to 12.50",
        {"statement": "UPDATE products SET price = 12.50 WHERE id = 7"},
    ),
    (
        "Add the customer Ada from Bern",
        {"statement": "INSERT INTO customers (name, city) VALUES ('Ada', 'Bern')"},
    ),
)

_SCHEME = re.compile(r"(sqlite|postgres(?:ql)?|mysql|mariadb)(?:\+\w+)?:", re.IGNORECASE)


def make_sql(
    databases: Mapping[str, Access],
    *,
    write: bool = False,
    approval: bool = True,
    timeout: float = 20.0,
    max_rows: int = 200,
    max_text: int = 40_000,
) -> list[FunctionTool[..., Any]]:
    """The tools for some databases.

    Args:
        databases: Each of them by its name; see `access`.
        write: Whether there is a tool that changes them.
        approval: Whether a person must agree before each change.
        timeout: Seconds that one statement may take.
        max_rows: Rows that are given to the model.
        max_text: Longest table in bytes that is given to the model.
    """
    asked = _Databases(databases, Limits(timeout, max_rows, max_text))
    made = [_make_schema(asked), _make_query(asked)]
    if write:
        made.append(_make_execute(asked, approval=approval))
    return [each.changed(timeout=timeout + 20, max_bytes=max_text + 1_000) for each in made]


def sql_tools(settings: SqlTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tools for the databases of a project. Raises `ConfigError` for those it cannot ask."""
    return make_sql(
        {
            name: access(setup.secrets[f"databases.{name}"], name=name, folder=setup.folder)
            for name in settings.databases
        },
        write=settings.write,
        approval=settings.approval,
        timeout=settings.timeout,
        max_rows=settings.max_rows,
        max_text=settings.max_text,
    )


def access(url: str, *, name: str, folder: Path) -> Access:
    """The database at `url`.

    Args:
        url: Its address, as SQLAlchemy writes it.
        name: How the project calls it; the address may hold a password and is never shown.
        folder: Where relative paths begin.

    Raises:
        ConfigError: It is of no database that is known here.
        MissingExtra: Its driver is not installed.
    """
    scheme = _SCHEME.match(url)
    if scheme is None:
        raise ConfigError(
            f"The address of the database {name} is of none that muxi can ask.",
            hint="Write it like `sqlite:///shop.db`, `postgresql://user@host/name` or"
            " `mysql://user@host/name`.",
        )
    kind = scheme[1].lower()
    if kind in ("mysql", "mariadb"):
        from muxi.tools.builtin.mysql_access import MySqlAccess

        return MySqlAccess(url)
    if kind != "sqlite":
        from muxi.tools.builtin.postgres_access import PostgresAccess

        return PostgresAccess(url)
    place = url[scheme.end() :].removeprefix("///").partition("?")[0]
    if not place or place == ":memory:" or not url[scheme.end() :].startswith("///"):
        raise ConfigError(
            f"The database {name} has no file.", hint="Write it like `sqlite:///shop.db`."
        )
    from muxi.tools.builtin.sqlite_access import SqliteAccess

    return SqliteAccess(folder / place)


@dataclass(frozen=True, slots=True)
class _Databases:
    """The databases by name, and what each statement may take."""

    by_name: Mapping[str, Access]
    limits: Limits

    def named(self, database: str) -> Access:
        """The database that is meant. Raises `ToolArgumentsInvalid`."""
        if not database and len(self.by_name) == 1:
            (only,) = self.by_name.values()
            return only
        found = self.by_name.get(database.strip())
        if found is None:
            names = ", ".join(self.by_name)
            raise ToolArgumentsInvalid(
                f"There is no database `{database[:80]}`." if database else "Say which database.",
                hint=f"There are: {names}.",
            )
        return found


def _make_schema(databases: _Databases) -> FunctionTool[..., Any]:
    @tool(
        title="Tables of a database",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_SCHEMA,
    )
    async def sql_schema(table: str = "", database: str = "") -> str:
        """List the tables of a database with their columns. Look here before you write SQL.

        Args:
            table: One table to describe; empty for all.
            database: Name of the database; may be empty if there is only one.
        """
        return await databases.named(database).schema(table, databases.limits)

    return sql_schema


def _make_query(databases: _Databases) -> FunctionTool[..., Any]:
    @tool(
        title="Query a database",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=_QUERY,
    )
    async def sql_query(statement: str, database: str = "") -> str:
        """Run one SQL statement that reads, and give its rows.

        Args:
            statement: A SELECT, or another statement that reads.
            database: Name of the database; may be empty if there is only one.
        """
        return await databases.named(database).query(statement, databases.limits)

    return sql_query


def _make_execute(databases: _Databases, *, approval: bool) -> FunctionTool[..., Any]:
    @tool(
        title="Change a database",
        read_only=False,
        destructive=True,
        open_world=False,
        approval=approval,
        examples=_EXECUTE,
    )
    async def sql_execute(statement: str, database: str = "") -> str:
        """Run one SQL statement that changes something, and keep the change.

        Args:
            statement: An INSERT, UPDATE, DELETE or another single statement.
            database: Name of the database; may be empty if there is only one.
        """
        return await databases.named(database).execute(statement, databases.limits)

    return sql_execute
