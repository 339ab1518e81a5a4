"""A disk that is full, a database that is locked, read-only or damaged: told, and nothing lost.

Small file systems in memory stand for small disks; where they may not be mounted, those tests are
left out.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import aclosing, closing
from pathlib import Path

import pytest

from muxi.core.errors import StorageBusy, StorageCorrupt
from tests.support.unlucky import Unlucky, ending

pytestmark = [pytest.mark.ci, pytest.mark.skipif(sys.platform != "linux", reason="mounts")]


class Disk:
    """A small file system over the project's folder for its state."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir()
        self._mount("-t", "tmpfs", "-o", "size=4m,mode=700", "tmpfs")

    def fill(self) -> None:
        """Leave no room at all."""
        with (self.place / "filler").open("wb", buffering=0) as filler:
            for piece in (b"\0" * 4096, b"\0"):
                try:
                    while filler.write(piece):
                        pass
                except OSError:
                    continue

    def make_room(self) -> None:
        (self.place / "filler").unlink()

    def forbid(self, writing: bool) -> None:
        self._mount("-o", "remount,ro" if writing else "remount,rw")

    def remove(self) -> None:
        subprocess.run(["umount", "-l", str(self.place)], check=True)

    def _mount(self, *arguments: str) -> None:
        done = subprocess.run(
            ["mount", *arguments, str(self.place)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            pytest.skip(f"file systems may not be mounted here: {done.stderr.strip()}")


@pytest.fixture
def disk(unlucky: Unlucky) -> Iterator[Disk]:
    disk = Disk(unlucky.folder / ".muxi")
    try:
        yield disk
    finally:
        disk.remove()


async def _titles(unlucky: Unlucky) -> list[str]:
    done = await unlucky("threads", "list")
    assert done.code == 0, done.err
    return sorted(line.split()[-1] for line in done.out.splitlines())


async def test_a_full_disk_is_told_and_all_is_there_when_it_has_room(
    disk: Disk, unlucky: Unlucky
) -> None:
    assert (await unlucky("run", "before")).code == 0
    disk.fill()
    done = await unlucky("run", "meanwhile")
    assert (done.code, done.out) == (1, "")
    assert "No space left on device" in done.err
    assert "hint: Free some space" in done.err
    assert (await unlucky("doctor")).code == 1
    disk.make_room()
    assert await _titles(unlucky) == ["before"]
    assert (await unlucky("run", "after")).code == 0
    assert await _titles(unlucky) == ["after", "before"]


async def test_a_disk_that_fills_up_during_an_answer_ends_it_with_words(
    disk: Disk, unlucky: Unlucky
) -> None:
    async with unlucky.served() as muxi:
        thread, _ = await muxi.answer("before")
        disk.fill()
        response = await muxi.http.post(
            f"{muxi.url}/api/runs", json={"input": "x" * 50_000, "thread_id": thread}
        )
        problem = await response.json(content_type=None)
        assert (response.status, problem["code"]) == (507, "storage_full")
        assert "Free some space" in problem["hint"]
        assert len(await muxi.client.messages(thread)) == 2
        disk.make_room()
        _, events = await muxi.answer("after", thread_id=thread)
        assert ending(events).status == "completed"
        said = [message.text for message in await muxi.client.messages(thread)]
        assert said[::2] == ["before", "after"]


async def test_a_run_that_could_not_be_stored_has_never_been(disk: Disk, unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        thread, before = await muxi.answer("before")
        watching = muxi.client.thread_events(thread, since=before[-1].seq)
        first = asyncio.ensure_future(anext(watching))
        disk.fill()
        for path in ("/api/runs", "/api/runs/stream"):
            # The model is asked while the disk still writes; what it says must not come out.
            response = await muxi.http.post(
                f"{muxi.url}{path}", json={"input": "meanwhile", "thread_id": thread}
            )
            assert (response.status, (await response.json(content_type=None))["code"]) == (
                507,
                "storage_full",
            )
        disk.make_room()
        _, events = await muxi.answer("after", thread_id=thread)
        assert ending(events).status == "completed"
        async with aclosing(watching):
            assert [await first, *[await anext(watching) for _ in events[1:]]] == events
        said = [message.text for message in await muxi.client.messages(thread)]
        assert said[::2] == ["before", "after"]
        assert len((await muxi.client.runs(thread_id=thread)).items) == 2


async def test_what_is_read_only_is_called_so(disk: Disk, unlucky: Unlucky) -> None:
    assert (await unlucky("run", "before")).code == 0
    disk.forbid(writing=True)
    for command in (["run", "hello"], ["threads", "list"], ["up", "--port", "0"], ["doctor"]):
        done = await unlucky(*command)
        assert done.code == 1
        assert "Read-only file system" in done.err + done.out
    disk.forbid(writing=False)
    assert await _titles(unlucky) == ["before"]


async def test_a_file_that_may_grow_no_further_ends_the_command_with_words(
    unlucky: Unlucky,
) -> None:
    assert (await unlucky("run", "before")).code == 0
    process = await unlucky.limited(resource.RLIMIT_FSIZE, 200_000, "run", "call huge {}")
    assert process.code == 1
    assert "error: The disk " in process.err
    assert "hint: " in process.err
    assert (await unlucky("run", "after")).code == 0
    assert "before" in await _titles(unlucky)


async def test_a_locked_database_is_told_and_then_free(unlucky: Unlucky) -> None:
    assert (await unlucky("run", "before")).code == 0
    with closing(sqlite3.connect(unlucky.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = await unlucky("run", "hello")
        assert (done.code, done.out) == (1, "")
        assert "locked by another program" in done.err
        assert "hint: Close the other program" in done.err
        assert await _titles(unlucky) == ["before"]
        found = await unlucky("doctor")
        assert found.code == 1
        assert "locked by another program" in found.out
    assert (await unlucky("run", "after")).code == 0


async def test_a_server_outlives_a_lock_and_keeps_the_thread(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        thread, _ = await muxi.answer("before")
        with closing(sqlite3.connect(unlucky.database, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageBusy):
                await muxi.client.start_run("meanwhile", thread_id=thread)
            assert len(await muxi.client.messages(thread)) == 2
        _, events = await muxi.answer("after", thread_id=thread)
        assert ending(events).status == "completed"


def _header(file: Path) -> None:
    _overwrite(file, 0, b"\xaa" * 100)


def _middle(file: Path) -> None:
    _overwrite(file, 4096, b"\xaa" * (file.stat().st_size - 2 * 4096))


def _cut(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 3)


def _noise(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 400)


def _overwrite(file: Path, offset: int, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.seek(offset)
        opened.write(data)


@pytest.mark.parametrize("damage", [_header, _middle, _cut, _noise])
async def test_a_damaged_database_is_called_damaged_and_left_as_it_is(
    damage: Callable[[Path], None], unlucky: Unlucky
) -> None:
    assert (await unlucky("run", "before")).code == 0
    intact = unlucky.database.read_bytes()
    damage(unlucky.database)
    damaged = unlucky.database.read_bytes()
    for command in (["run", "hello"], ["threads", "list"]):
        done = await unlucky(*command)
        assert (done.code, done.out) == (1, "")
        assert "The database file is damaged." in done.err
        assert "muxi snapshots list" in done.err
    doctor = await unlucky("doctor")
    assert doctor.code == 1
    assert f"error    database   {unlucky.database} is damaged" in doctor.out
    assert "muxi snapshots list" in doctor.out
    assert unlucky.database.read_bytes() == damaged
    unlucky.database.write_bytes(intact)
    assert await _titles(unlucky) == ["before"]


async def test_damage_under_a_running_server_is_typed(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        thread, _ = await muxi.answer("before " + "x" * 200_000)
        with closing(sqlite3.connect(unlucky.database)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        _middle(unlucky.database)
        with pytest.raises(StorageCorrupt):
            await muxi.client.messages(thread)


async def test_a_damaged_log_beside_the_database_loses_nothing_older(unlucky: Unlucky) -> None:
    assert (await unlucky("run", "before")).code == 0
    beside = unlucky.database.with_name("muxi.db-wal")
    beside.write_bytes(bytes(range(256)) * 400)
    unlucky.database.with_name("muxi.db-shm").write_bytes(b"\xaa" * 32768)
    assert await _titles(unlucky) == ["before"]
    assert (await unlucky("run", "after")).code == 0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("token", b"\xff\xfe", "token is damaged"),
        ("muxi.lock", b"\xff\xfe not JSON", ""),
        ("master.key", b"no key", ""),
    ],
)
async def test_a_damaged_file_beside_the_database_is_named_or_mended(
    name: str, content: bytes, words: str, unlucky: Unlucky
) -> None:
    assert (await unlucky("run", "before")).code == 0
    (unlucky.folder / ".muxi" / name).write_bytes(content)
    done = await unlucky("run", "after")
    assert done.code == (1 if words else 0)
    assert words in done.err


async def test_standard_output_that_is_full_or_closed_is_told(unlucky: Unlucky) -> None:
    for closing_or_full, code in ((">/dev/full", 1), (">&-", 0), ("<&-", 0), ("2>&-", 0)):
        done = await unlucky.through_shell(f"run hello {closing_or_full}")
        assert done.code == code, (closing_or_full, done.err)
        assert (code == 0) == ("Standard output cannot be written" not in done.err)
    assert len(await _titles(unlucky)) == 4


async def test_a_folder_that_is_gone_is_told(unlucky: Unlucky) -> None:
    done = await unlucky.through_shell("run hello", before="mkdir gone && cd gone && rmdir ../gone")
    assert done.code == 1
    assert "The current folder does not exist any more." in done.err
