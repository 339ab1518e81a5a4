"""What SQLite cannot do is a typed error, and the writer goes on after it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from muxi.core.errors import (
    ConfigError,
    MuxiError,
    StorageBusy,
    StorageCorrupt,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from muxi.core.messages import Message, TextPart
from muxi.core.threads import Thread
from muxi.storage import messages, threads
from muxi.storage.database import Database, Tx, open_database, sqlite_path
from muxi.storage.sqlite import SqliteDatabase, SqliteSettings
from muxi.testing.storage.samples import ANN, NOBODY, a_journal, a_message, a_thread


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[SqliteDatabase]:
    settings = SqliteSettings(busy_timeout=0.05)
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db", sqlite=settings)
    assert isinstance(database, SqliteDatabase)
    yield database
    await database.close()


async def _texts(database: Database, thread: Thread) -> set[str]:
    stored = await database.read(ANN, lambda tx: messages.of_thread(tx, thread.id))
    return {message.text for message in stored}


async def _limit_pages(database: SqliteDatabase, more: int) -> None:
    """Let the file grow by so many pages and no further, as a full disk does."""

    def limit(connection: sqlite3.Connection) -> None:
        [(pages,)] = connection.execute("PRAGMA page_count").fetchall()
        connection.execute(f"PRAGMA max_page_count={pages + more}").fetchall()

    await database.write(ANN, lambda tx: database.use(limit))


async def test_a_full_disk_loses_nothing_that_was_acknowledged(database: SqliteDatabase) -> None:
    thread = await a_thread(database)
    await _limit_pages(database, 20)
    acknowledged: set[str] = set()
    errors: list[MuxiError] = []

    async def write(number: int) -> None:
        message = a_message(thread, f"{number} " + "x" * 9000)
        try:
            await database.write(ANN, lambda tx: messages.insert(tx, message))
        except MuxiError as error:
            errors.append(error)
        else:
            acknowledged.add(message.text)

    for turn in range(10):
        await asyncio.gather(*(write(turn * 10 + number) for number in range(10)))
    assert {type(error) for error in errors} == {StorageFull}
    assert await _texts(database, thread) == acknowledged
    await _limit_pages(database, 100_000)
    await write(1000)
    assert await _texts(database, thread) == acknowledged
    assert len(acknowledged) > 0


async def test_what_a_run_could_not_store_is_stored_when_there_is_room_again(
    database: SqliteDatabase,
) -> None:
    thread = await a_thread(database)
    journal = await a_journal(database, thread)
    await _limit_pages(database, 2)
    for number in range(5):
        text = f"{number} " + "x" * 9000
        journal.append(NOBODY, Message(role="assistant", parts=[TextPart(text=text)]))
    for _ in range(2):
        with pytest.raises(StorageFull):
            await journal.flush()
    await _limit_pages(database, 100_000)
    await journal.flush()
    assert len(await _texts(database, thread)) == 6


async def test_a_locked_database_is_busy_and_then_free(database: SqliteDatabase) -> None:
    thread = await a_thread(database)
    with closing(sqlite3.connect(str(database.path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageBusy):
            await database.write(ANN, lambda tx: messages.insert(tx, a_message(thread, "no")))
        assert await _texts(database, thread) == set()
        other.execute("ROLLBACK")
    await database.write(ANN, lambda tx: messages.insert(tx, a_message(thread, "yes")))
    assert await _texts(database, thread) == {"yes"}


async def test_a_tiny_unit_waits_for_a_locked_database_off_the_event_loop(tmp_path: Path) -> None:
    settings = SqliteSettings(busy_timeout=30)
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db", sqlite=settings)
    thread = await a_thread(database)
    with closing(sqlite3.connect(f"{tmp_path}/muxi.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(
            database.write(
                ANN, lambda tx: messages.insert(tx, a_message(thread, "waits")), tiny=True
            )
        )
        turns = 0
        async with asyncio.timeout(60):
            while turns < 50:
                await asyncio.sleep(0.001)
                turns += 1
        assert not writing.done()
        other.execute("ROLLBACK")
    await writing
    assert await _texts(database, thread) == {"waits"}
    await database.close()


async def test_tiny_units_and_others_are_written_in_the_order_in_which_they_came(
    database: SqliteDatabase,
) -> None:
    thread = await a_thread(database)
    order: list[int] = []

    async def write(number: int) -> None:
        def unit(tx: Tx) -> None:
            order.append(number)
            messages.insert(tx, a_message(thread, str(number)))

        if number % 7 == 6:
            database.write_blocking(ANN, unit)
        else:
            await database.write(ANN, unit, tiny=number % 3 != 0)

    for _ in range(5):
        order.clear()
        await asyncio.gather(*(write(number) for number in range(100)))
        assert order == list(range(100))
    assert len(await _texts(database, thread)) == 100


def test_a_database_outlives_an_event_loop(tmp_path: Path) -> None:
    database = asyncio.run(open_database(f"sqlite:///{tmp_path}/muxi.db"))

    async def abandon() -> None:
        task = asyncio.create_task(
            database.write(ANN, lambda tx: threads.create(tx, Thread(id="thr_a")), tiny=True)
        )
        await asyncio.sleep(0)
        task.cancel()

    async def go_on() -> set[str]:
        await database.write(ANN, lambda tx: threads.create(tx, Thread(id="thr_b")), tiny=True)
        page = await database.read(ANN, threads.page)
        await database.close()
        return {thread.id for thread in page.items}

    asyncio.run(abandon())
    assert asyncio.run(go_on()) >= {"thr_b"}


async def test_a_read_only_database_can_be_read(database: SqliteDatabase) -> None:
    thread = await a_thread(database)
    await database.write(
        ANN,
        lambda tx: database.use(lambda connection: connection.execute("PRAGMA query_only=ON")),
    )
    with pytest.raises(StorageReadOnly):
        await database.write(ANN, lambda tx: messages.insert(tx, a_message(thread, "no")))
    assert await _texts(database, thread) == set()


async def test_a_damaged_file_is_called_damaged(database: SqliteDatabase) -> None:
    thread = await a_thread(database)
    for number in range(50):
        message = a_message(thread, f"{number} " + "x" * 2000)
        await database.write(ANN, lambda tx, m=message: messages.insert(tx, m))
    path = database.path
    assert path is not None
    await database.close()
    data = bytearray(path.read_bytes())
    data[4096 * 2 :] = os.urandom(len(data) - 4096 * 2)
    path.write_bytes(data)
    with pytest.raises(StorageCorrupt):
        await _read_all(f"sqlite:///{path}", thread)


async def _read_all(url: str, thread: Thread) -> None:
    database = await open_database(url)
    try:
        await _texts(database, thread)
        await database.read(ANN, threads.page)
    finally:
        await database.close()


async def test_a_place_that_cannot_hold_a_file_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable):
        await open_database(f"sqlite:///{tmp_path}/file/muxi.db")
    (tmp_path / "folder.db").mkdir()
    with pytest.raises(StorageUnavailable):
        await open_database(f"sqlite:///{tmp_path}/folder.db")


async def test_the_file_is_for_its_owner_only(database: SqliteDatabase) -> None:
    assert database.path is not None
    assert database.path.stat().st_mode & 0o777 == 0o600


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = await open_database(f"sqlite:///{tmp_path}/muxi.db")
    writing = asyncio.create_task(a_thread(database))
    await asyncio.sleep(0)
    await database.close()
    assert await writing
    with pytest.raises(StorageUnavailable):
        await a_thread(database)
    await database.close()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("sqlite:///muxi.db", Path("muxi.db")),
        ("sqlite:////var/lib/muxi.db", Path("/var/lib/muxi.db")),
        ("sqlite:///with%20space.db", Path("with space.db")),
    ],
)
def test_addresses_of_sqlite_are_understood(url: str, path: Path | None) -> None:
    assert sqlite_path(url) == path


@pytest.mark.parametrize("url", ["sqlite:muxi.db", "sqlite://muxi.db", "mysql://x", "muxi.db"])
async def test_other_addresses_are_refused_with_a_hint(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        await open_database(url)
    assert caught.value.hint


WRITER = """
import asyncio, sys
from muxi.core.messages import Message, TextPart
from muxi.core.threads import Thread
from muxi.storage import messages, threads
from muxi.storage.database import Scope, open_database

async def main():
    scope = Scope("acme", "ann")
    database = await open_database(sys.argv[1])
    thread = await database.write(scope, lambda tx: threads.create(tx, Thread(id="thr_kill")))
    async def worker(name):
        for number in range(10_000):
            left, right = [
                Message(role="user", parts=[TextPart(text=f"{name}-{number}-{side}")],
                        thread_id=thread.id)
                for side in ("left", "right")
            ]
            def unit(tx):
                messages.insert(tx, left)
                messages.insert(tx, right)
            await database.write(scope, unit, tiny=number % 2 == 0)
            print(f"{name}-{number}", flush=True)
    await asyncio.gather(*(worker(name) for name in range(8)))

asyncio.run(main())
"""


def _killed(url: str, lines: int) -> list[str]:
    """What a writing process had acknowledged when it was killed, some lines after its start."""
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    with writer.stdout:
        acknowledged = [writer.stdout.readline().strip() for _ in range(lines)]
        writer.kill()
        acknowledged += writer.stdout.read().split("\n")[:-1]
    writer.wait(20)
    return acknowledged


@pytest.mark.parametrize("lines", [1, 40, 400])
async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, lines: int) -> None:
    url = f"sqlite:///{tmp_path}/muxi.db"
    acknowledged = await asyncio.to_thread(_killed, url, lines)
    database = await open_database(url)
    stored = await _texts(database, Thread(id="thr_kill"))
    await database.close()
    assert {f"{name}-{side}" for name in acknowledged for side in ("left", "right")} <= stored
    assert len(stored) % 2 == 0
    assert len(acknowledged) >= lines
