"""PostgreSQL itself keeps tenants apart, and its failures are typed errors."""

from __future__ import annotations

import asyncio
from functools import partial

import psycopg
import pytest
from support.postgres import PostgresAddress

from muxi.core.errors import AccessDenied, InvalidInput, StorageError, StorageUnavailable
from muxi.core.threads import Thread
from muxi.storage import agents, events, threads
from muxi.storage.database import Scope, Tx, open_database
from muxi.storage.postgres import PostgresDatabase
from muxi.storage.roles import roles_sql
from muxi.testing.storage.events import MessageStarted
from muxi.testing.storage.samples import ANN, NOBODY, a_journal, a_thread
from muxi.testing.storage.tenants import HERE, THERE

TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"


async def test_without_any_where_clause_no_foreign_row_is_seen(
    postgres_database: PostgresAddress,
) -> None:
    database = await open_database(postgres_database.url)
    for scope in (HERE, THERE):
        await a_thread(database, scope)

    def everything(tx: Tx) -> set[str]:
        tables = [name for (name,) in tx.raw(TABLES)]
        seen = {"schema_info": "", "alembic_version": ""}
        return {
            row[0]
            for table in tables
            if table not in seen
            for row in tx.raw(f"SELECT tenant FROM {table}")
        }

    for scope in (HERE, THERE):
        assert await database.read(scope, everything) == {scope.tenant}
    assert await database.read(Scope("nobody", None), everything) == set()
    await database.close()


async def test_no_statement_reaches_a_foreign_row(postgres_database: PostgresAddress) -> None:
    database = await open_database(postgres_database.url)
    thread = await a_thread(database, HERE)
    for sql in ("UPDATE threads SET record = 'x'", "DELETE FROM threads"):
        await database.write(THERE, lambda tx, sql=sql: tx.raw(f"{sql} RETURNING id"))
    with pytest.raises(AccessDenied):
        await database.write(
            THERE,
            lambda tx: tx.raw("INSERT INTO tenants VALUES ('here too', 1) RETURNING 1"),
        )
    assert await database.read(HERE, lambda tx: threads.get(tx, thread.id)) == thread
    await database.close()


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE threads DISABLE ROW LEVEL SECURITY",
        "DROP POLICY tenant ON threads",
        "SET ROLE muxi_owner",
        "CREATE TABLE mine (x int)",
    ],
)
async def test_the_servers_role_cannot_lift_the_security(
    postgres_database: PostgresAddress, sql: str
) -> None:
    database = await open_database(postgres_database.url)
    with pytest.raises(AccessDenied):
        await database.write(HERE, lambda tx: tx.raw(sql))
    changed = await database.write(
        HERE, lambda tx: tx.raw("UPDATE schema_info SET version = 9 RETURNING version")
    )
    assert changed == []
    await database.close()


def test_every_table_forces_its_security(postgres_database: PostgresAddress) -> None:
    with psycopg.connect(postgres_database.admin_url) as admin:
        loose = admin.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' "
            "AND relnamespace = 'public'::regnamespace "
            "AND NOT (relrowsecurity AND relforcerowsecurity)"
        ).fetchall()
    assert loose == []


async def test_the_owner_is_bound_too(postgres_database: PostgresAddress) -> None:
    database = await open_database(postgres_database.url)
    await a_thread(database, HERE)
    await database.close()
    with psycopg.connect(postgres_database.owner_url) as owner:
        assert owner.execute("SELECT count(*) FROM threads").fetchone() == (0,)


async def test_a_role_that_looks_past_security_is_refused(
    postgres_database: PostgresAddress,
) -> None:
    with pytest.raises(StorageError, match="look past row-level security"):
        await open_database(postgres_database.admin_url)


def test_the_roles_can_be_made_again(postgres_database: PostgresAddress) -> None:
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        for _ in range(2):
            admin.execute(roles_sql(postgres_database.name))
        rights = admin.execute(
            "SELECT rolname, rolsuper, rolbypassrls, rolcanlogin FROM pg_roles "
            "WHERE rolname LIKE 'muxi%' ORDER BY 1"
        ).fetchall()
    assert rights == [("muxi_owner", False, False, True), ("muxi_server", False, False, True)]


async def test_a_name_with_nul_is_refused_in_words(postgres_database: PostgresAddress) -> None:
    database = await open_database(postgres_database.url)
    with pytest.raises(InvalidInput):
        await database.read(ANN, lambda tx: agents.get(tx, "a\0b"))
    await database.close()


async def test_a_server_that_is_not_there_is_a_typed_error() -> None:
    with pytest.raises(StorageUnavailable):
        await open_database("postgresql://muxi_server@127.0.0.1:1/muxi")


async def test_idle_connections_that_broke_are_replaced(
    postgres_database: PostgresAddress,
) -> None:
    database = await open_database(postgres_database.url, pool=3)
    thread = await a_thread(database)
    await asyncio.gather(
        *(database.read(ANN, lambda tx: tx.raw("SELECT pg_sleep(0.05)")) for _ in range(3))
    )
    with psycopg.connect(postgres_database.admin_url, autocommit=True) as admin:
        admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'muxi_server' "
            "AND datname = current_database()"
        )
    for _ in range(4):
        await database.write(ANN, lambda tx: threads.update(tx, thread))
    await database.close()


async def test_the_feed_waits_for_a_transaction_that_began_earlier(
    postgres_database: PostgresAddress,
) -> None:
    database = await open_database(postgres_database.url)
    assert isinstance(database, PostgresDatabase)
    early, late = [await a_journal(database, await a_thread(database)) for _ in range(2)]
    began, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(tx: Tx) -> None:
        tx.raw("SELECT pg_current_xact_id()")
        loop.call_soon_threadsafe(began.set)
        asyncio.run_coroutine_threadsafe(go.wait(), loop).result(20)

    early.record(NOBODY, MessageStarted(message_id="early", seq=1, run_id=early.run.id))
    early.also(slow)
    waiting = asyncio.create_task(early.flush())
    await began.wait()
    late.record(NOBODY, MessageStarted(message_id="late", seq=1, run_id=late.run.id))
    await late.flush()
    before = await database.read(ANN, events.feed)
    go.set()
    await waiting
    assert before.events == []
    order: list[str] = []
    cursor = before.cursor
    async with asyncio.timeout(60):
        # Transactions of whoever else uses this PostgreSQL are waited for, too.
        while len(order) < 2:
            after = await database.read(ANN, partial(events.feed, after=cursor))
            order += [event.model_dump()["message_id"] for _, event in after.events]
            cursor = after.cursor
    assert order == ["early", "late"]
    await database.close()


async def test_a_closed_database_says_so(postgres_database: PostgresAddress) -> None:
    database = await open_database(postgres_database.url)
    await database.close()
    with pytest.raises(StorageUnavailable):
        await database.write(ANN, lambda tx: threads.create(tx, Thread()))
