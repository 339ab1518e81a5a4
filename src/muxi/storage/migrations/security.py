"""Row-level security for tables that a migration makes on PostgreSQL.

The server's role sees the rows of the tenant that its transaction has named, and no others, even
without a WHERE clause. The owner is bound too (FORCE), save for the schema's own two tables.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import contextmanager

from sqlalchemy import Connection, text

_OWN_TENANT = "tenant = current_setting('muxi.tenant', true)"
_OWN_MEMORY = (
    f"{_OWN_TENANT} AND (left(owner, 5) <> 'user:' "
    "OR coalesce(current_setting('muxi.principal', true), '') = '' "
    "OR owner = 'user:' || current_setting('muxi.principal', true))"
)
_NAMED_JOB = "coalesce(current_setting('muxi.job', true), '') <> ''"


def protect(connection: Connection, tables: Iterable[str]) -> None:
    """Let a transaction see and write only its tenant's rows of these tables."""
    _bind(connection, tables, _OWN_TENANT)


def protect_owned(connection: Connection, tables: Iterable[str]) -> None:
    """As `protect`; and a user's own rows are hidden from the tenant's other users.

    A transaction that names no user is the tenant's own and sees all of its users' rows.
    """
    _bind(connection, tables, _OWN_MEMORY)


def protect_owned_anew(connection: Connection, tables: Iterable[str]) -> None:
    """As `protect_owned`, for tables that an earlier migration has protected less."""
    for table in tables:
        _execute(connection, f"DROP POLICY tenant ON {table}")
        protect_owned(connection, [table])


def protect_tenants(connection: Connection, table: str) -> None:
    """As `protect`; and system jobs, which name themselves, may see which tenants there are."""
    protect(connection, [table])
    _execute(connection, f"CREATE POLICY job ON {table} FOR SELECT USING ({_NAMED_JOB})")


def protect_schema(connection: Connection, tables: Iterable[str]) -> None:
    """Let everyone read these tables, and only who migrates write them."""
    for table in tables:
        _force(connection, table)
        # Alembic's table outlives the removal of the schema, with its policies.
        for policy in ("everyone", "owner"):
            _execute(connection, f"DROP POLICY IF EXISTS {policy} ON {table}")
        _execute(connection, f"CREATE POLICY everyone ON {table} FOR SELECT USING (true)")
        _execute(
            connection,
            f"CREATE POLICY owner ON {table} TO CURRENT_USER USING (true) WITH CHECK (true)",
        )


@contextmanager
def every_tenant(connection: Connection, table: str) -> Generator[None]:
    """Within this, the migration sees and writes the rows of all tenants, as the table's owner."""
    if connection.dialect.name != "postgresql":
        yield
        return
    _execute(connection, f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    yield
    _force(connection, table)


def _bind(connection: Connection, tables: Iterable[str], rule: str) -> None:
    for table in tables:
        _force(connection, table)
        _execute(connection, f"CREATE POLICY tenant ON {table} USING ({rule}) WITH CHECK ({rule})")


def _force(connection: Connection, table: str) -> None:
    _execute(connection, f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
    _execute(connection, f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _execute(connection: Connection, sql: str) -> None:
    connection.execute(text(sql))
