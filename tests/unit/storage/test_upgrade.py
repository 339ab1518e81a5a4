"""Schemas go forward and back, with a snapshot first; only an older program is refused."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, create_engine
from support.postgres import PostgresAddress, PostgresServer

from muxi.core.errors import NotFound, SchemaTooNew, StorageCorrupt, StorageError
from muxi.core.threads import Thread
from muxi.storage import threads
from muxi.storage.database import Scope, open_database
from muxi.storage.migrations.run import SCRIPTS, downgrade, upgrade
from muxi.storage.postgres import open_postgres
from muxi.storage.schema import metadata
from muxi.storage.snapshots import Snapshots
from muxi.storage.sqlite import SqliteSettings, connect
from muxi.storage.upgrade import CURRENT, Target, prepare_sqlite

ANN = Scope("acme", "ann")
NEWEST = CURRENT.version
NEXT = """
revision = "{next:04}"
down_revision = "{newest:04}"
from alembic import op
from sqlalchemy import Column, Text

def upgrade():
    op.add_column("threads", Column("colour", Text))
    op.execute("INSERT INTO schema_info VALUES ({next}, '{oldest}', 0)")
    {last}

def downgrade():
    op.execute("DELETE FROM schema_info WHERE version = {next}")
    op.drop_column("threads", "colour")
"""


@pytest.fixture
def next_schema(tmp_path: Path) -> Target:
    return _next(tmp_path)


def _next(tmp_path: Path, *, oldest: str = "0.1.0", last: str = "pass") -> Target:
    scripts = tmp_path / f"scripts-{oldest}"
    shutil.copytree(SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    step = NEXT.format(oldest=oldest, last=last, next=NEWEST + 1, newest=NEWEST)
    (scripts / "versions" / f"{NEWEST + 1:04}_next.py").write_text(step)
    return Target(NEWEST + 1, scripts, "9.0.0")


async def _with_thread(url: str) -> str:
    database = await open_database(url)
    thread = await database.write(ANN, lambda tx: threads.create(tx, Thread(title="kept")))
    await database.close()
    return thread.id


async def _title(url: str, thread_id: str) -> str | None:
    database = await open_database(url)
    thread = await database.read(ANN, lambda tx: threads.get(tx, thread_id))
    await database.close()
    return thread.title


def _prepare(path: Path, target: Target, keep: int = 5) -> Snapshots:
    snapshots = Snapshots(path.parent / "snapshots", keep=keep)
    with closing(connect(str(path), SqliteSettings())) as connection:
        prepare_sqlite(connection, path, snapshots, target)
    return snapshots


def _columns(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[1] for row in connection.execute("PRAGMA table_info(threads)")}


async def test_a_sqlite_file_goes_forward_after_a_snapshot_and_back(
    tmp_path: Path, next_schema: Target
) -> None:
    path = tmp_path / "muxi.db"
    thread_id = await _with_thread(f"sqlite:///{path}")
    snapshots = _prepare(path, next_schema)
    assert "colour" in _columns(path)
    [snapshot] = snapshots.list()
    assert (snapshot.schema, "colour" in _columns(snapshot.path)) == (NEWEST, False)
    # An older program that is new enough goes on working with it.
    assert await _title(f"sqlite:///{path}", thread_id) == "kept"
    downgrade(f"sqlite:///{path}", to=NEWEST, scripts=next_schema.scripts)
    assert "colour" not in _columns(path)
    assert await _title(f"sqlite:///{path}", thread_id) == "kept"


async def test_only_a_program_older_than_the_schema_allows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "muxi.db"
    await _with_thread(f"sqlite:///{path}")
    _prepare(path, _next(tmp_path, oldest="7.5.0"))
    with pytest.raises(SchemaTooNew, match=r"needs muxi 7\.5\.0 or later"):
        await open_database(f"sqlite:///{path}")
    _prepare(path, Target(NEWEST, SCRIPTS, "7.10.0"))


async def test_a_step_that_fails_leaves_the_schema_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "muxi.db"
    thread_id = await _with_thread(f"sqlite:///{path}")
    with pytest.raises(StorageError, match="could not be migrated"):
        _prepare(path, _next(tmp_path, last='op.execute("SELECT no_such_column")'))
    assert "colour" not in _columns(path)
    assert await _title(f"sqlite:///{path}", thread_id) == "kept"


async def test_snapshots_expire_and_can_be_restored(tmp_path: Path, next_schema: Target) -> None:
    path = tmp_path / "muxi.db"
    thread_id = await _with_thread(f"sqlite:///{path}")
    snapshots = _prepare(path, next_schema, keep=2)
    for _ in range(3):
        with closing(sqlite3.connect(path)) as connection:
            snapshots.take(connection, 2)
    assert [snapshot.schema for snapshot in snapshots.list()] == [2, 2]
    newest = snapshots.list()[0]
    assert newest.path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM threads")
        connection.commit()
    replaced = snapshots.restore(newest, path)
    assert replaced is not None
    assert replaced.exists()
    assert await _title(f"sqlite:///{path}", thread_id) == "kept"
    newest.path.write_bytes(b"SQLite format 3\0" + b"x" * 5000)
    with pytest.raises(StorageCorrupt):
        snapshots.restore(newest, path)
    assert await _title(f"sqlite:///{path}", thread_id) == "kept"
    newest.path.unlink()
    with pytest.raises(NotFound):
        snapshots.restore(newest, path)


async def test_a_file_of_the_first_schema_gets_a_memory_after_a_snapshot(tmp_path: Path) -> None:
    path = tmp_path / "muxi.db"
    upgrade(f"sqlite:///{path}", to=1)
    thread_id = await _with_thread(f"sqlite:///{path}")
    [snapshot] = Snapshots(tmp_path / "snapshots").list()
    assert snapshot.schema == 1
    assert await _title(f"sqlite:///{path}", thread_id) == "kept"
    downgrade(f"sqlite:///{path}", to=1)
    assert await _title(f"sqlite:///{path}", thread_id) == "kept"


async def test_what_is_no_database_of_muxi_is_refused_in_words(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE notes (text TEXT)")
    with pytest.raises(StorageError, match="another program"):
        await open_database(f"sqlite:///{other}")
    text = tmp_path / "text.db"
    text.write_text("this is no database at all, but a longer text than a header" * 100)
    with pytest.raises(StorageCorrupt):
        await open_database(f"sqlite:///{text}")


async def test_two_processes_that_start_at_once_make_one_schema(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/muxi.db"
    databases = await asyncio.gather(*(open_database(url) for _ in range(4)))
    for database in databases:
        await database.close()


async def test_what_was_read_for_facts_by_an_earlier_schema_is_not_read_again(
    tmp_path: Path,
) -> None:
    url = f"sqlite:///{tmp_path}/muxi.db"
    upgrade(url, to=2)
    with closing(sqlite3.connect(tmp_path / "muxi.db")) as connection, connection:
        values = [("default", name, "7", 0) for name in ("facts", "facts.model", "memory")]
        connection.executemany("INSERT INTO cursors VALUES (?, ?, ?, ?)", values)
    upgrade(url)
    with closing(sqlite3.connect(tmp_path / "muxi.db")) as connection:
        found = connection.execute("SELECT name, cursor FROM cursors ORDER BY name").fetchall()
    assert found == [("facts", "0 7"), ("facts.model", "0 7"), ("memory", "7")]


def test_sqlite_goes_back_to_nothing(tmp_path: Path) -> None:
    path = tmp_path / "muxi.db"
    upgrade(f"sqlite:///{path}")
    downgrade(f"sqlite:///{path}", to=0)
    with closing(sqlite3.connect(path)) as connection:
        left = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    assert {name for (name,) in left} <= {"alembic_version", "sqlite_sequence"}


async def test_postgres_is_migrated_by_its_owner_while_others_wait(
    postgres: PostgresServer,
) -> None:
    empty = postgres.empty()
    with pytest.raises(StorageError, match="has schema 0"):
        await open_database(empty.url)
    databases = await asyncio.gather(
        *(open_database(empty.url, owner_url=empty.owner_url, pool=2) for _ in range(3))
    )
    await databases[0].write(ANN, lambda tx: threads.create(tx, Thread()))
    for database in databases:
        await database.close()
    postgres.drop(empty)


async def test_postgres_goes_forward_and_back(
    postgres_database: PostgresAddress, next_schema: Target
) -> None:
    address = postgres_database
    thread_id = await _with_thread(address.url)
    database = await open_postgres(
        address.url, owner_url=address.owner_url, pool=2, target=next_schema
    )
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'colour'"
    assert await database.read(ANN, lambda tx: tx.raw(columns)) == [(1,)]
    await database.close()
    assert await _title(address.url, thread_id) == "kept"
    downgrade(address.owner_url, to=NEWEST, scripts=next_schema.scripts)
    assert await _title(address.url, thread_id) == "kept"
    downgrade(address.owner_url, to=0)
    with psycopg.connect(address.admin_url) as admin:
        left = admin.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        assert left.fetchall() == [("alembic_version",)]
    upgrade(address.owner_url)
    assert await _with_thread(address.url)


def test_postgres_has_the_schema_that_the_queries_are_written_for(
    postgres_database: PostgresAddress,
) -> None:
    url = postgres_database.owner_url.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url, poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_program_knows_the_newest_schema() -> None:
    newest = max(path.name[:4] for path in (SCRIPTS / "versions").glob("0*.py"))
    assert int(newest) == CURRENT.version
