"""The master key: where it may be, how it is changed, and that nothing is lost on the way."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.remote import until
from support.served import project, served

from muxi.core.errors import InvalidInput, KeyServiceFailed, StorageError
from muxi.core.scope import Scope
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.master_keys import FileKeys
from muxi.runtime.sealed import Sealed
from muxi.storage import secrets
from muxi.storage.database import open_database
from muxi.storage.master_keys import KeyRing, MasterKey, load_file, save_file

SCRIPT = Path(__file__).parents[2] / "support" / "rotating_owner.py"
ANN = Scope("default", "ann")
DEADLINE = 60.0


def local_service(folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "muxi.identity.key_services.local", str(folder / "kms.key")]
    return {"storage": {"master_key": {"source": "service", "service": command}}}


def keys_in_use(folder: Path) -> set[str]:
    with closing(sqlite3.connect(folder / ".muxi" / "muxi.db")) as connection:
        return {row[0] for row in connection.execute("SELECT DISTINCT key_id FROM secrets")}


async def fill(runtime: Runtime, count: int = 5) -> None:
    for number in range(count):
        await runtime.secrets.put(f"KEY_{number}", f"value {number}")
    await runtime.sealed.put(ANN, "OWN", "ann's own", owner="user:ann")


async def check(runtime: Runtime, count: int = 5) -> None:
    for number in range(count):
        assert await runtime.secrets.get(f"KEY_{number}") == f"value {number}"
    assert await runtime.sealed.get(ANN, "OWN", owner="user:ann") == "ann's own"


async def test_the_key_is_changed_over_the_api_and_every_secret_stays(tmp_path: Path) -> None:
    async with served(tmp_path, lambda _: "") as muxi:
        await fill(muxi.runtime)
        sealed = await muxi.runtime.secrets.seal(b"an answer", "replay")
        before = load_file(tmp_path / ".muxi" / "master.key").current

        done = await muxi.client.secrets.rotate_key()

        assert done.rewrapped == 7
        assert keys_in_use(tmp_path) == {done.key_id} != {before.id}
        await check(muxi.runtime)
        assert await muxi.runtime.secrets.unseal(sealed, "replay") == b"an answer"
        text = (tmp_path / ".muxi" / "master.key").read_text()
        assert before.text not in text
        assert before.text not in done.model_dump_json()
    async with served(tmp_path, lambda _: "") as muxi:
        await check(muxi.runtime)
        assert await muxi.runtime.secrets.unseal(sealed, "replay") == b"an answer"


async def test_a_stolen_former_key_opens_nothing_any_more(tmp_path: Path) -> None:
    async with served(tmp_path, lambda _: "") as muxi:
        await fill(muxi.runtime)
        stolen = load_file(tmp_path / ".muxi" / "master.key")
        await muxi.client.secrets.rotate_key()
    save_file(tmp_path / ".muxi" / "master.key", stolen)

    async with served(tmp_path, lambda _: "") as muxi:
        with pytest.raises(StorageError, match="another master key"):
            await muxi.runtime.secrets.get("KEY_0")


async def test_secrets_that_are_stored_while_the_key_changes_are_kept(tmp_path: Path) -> None:
    async with served(tmp_path, lambda _: "") as muxi:
        await fill(muxi.runtime, 300)

        async def store() -> None:
            for number in range(300, 400):
                await muxi.runtime.secrets.put(f"KEY_{number}", f"value {number}")

        await asyncio.gather(store(), *(muxi.client.secrets.rotate_key() for _ in range(3)))

        await check(muxi.runtime, 400)
        assert len(keys_in_use(tmp_path)) == 1


async def test_all_who_seal_first_at_the_same_time_can_be_read_afterwards(
    tmp_path: Path, storage: dict[str, Any]
) -> None:
    path = tmp_path / "master.key"
    url = storage["storage"]["url"] if storage else f"sqlite:///{tmp_path}/muxi.db"
    databases = [await open_database(url) for _ in range(2)]
    try:
        nodes = [Sealed(database, FileKeys(path)) for database in databases for _ in range(2)]
        texts = [f"answer {number}".encode() for number in range(24)]
        sealed = await asyncio.gather(
            *(nodes[at % 4].seal(text, "replay") for at, text in enumerate(texts))
        )

        for node in (*nodes, Sealed(databases[0], FileKeys(path))):
            assert [await node.unseal(each, "replay") for each in sealed] == texts
    finally:
        for database in databases:
            await database.close()


async def finished(folder: Path) -> None:
    """Return when nothing is left of a change of the key that was broken off."""
    await until(lambda: not load_file(folder / ".muxi" / "master.key").former, DEADLINE)


@pytest.mark.parametrize("rewrapped", [0, 2, 100])
async def test_a_change_that_was_broken_off_is_finished_at_the_next_start(
    tmp_path: Path, rewrapped: int
) -> None:
    async with served(tmp_path, lambda _: "") as muxi:
        await fill(muxi.runtime)
    path = tmp_path / ".muxi" / "master.key"
    ring = load_file(path).renewed()
    save_file(path, ring)
    database = await open_database(f"sqlite:///{tmp_path}/.muxi/muxi.db")
    rewrap = partial(secrets.rewrap, keys=ring, limit=rewrapped)
    assert await database.write(Scope("default", None), rewrap) == min(rewrapped, 6)
    await database.close()
    async with served(tmp_path, lambda _: "") as muxi:
        await check(muxi.runtime)
        await finished(tmp_path)
        await check(muxi.runtime)


@pytest.mark.ci
async def test_a_killed_change_of_the_key_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(DEADLINE):
        assert await process.stdout.readline() == b"stored\n"
    await until(lambda: len(keys_in_use(tmp_path)) > 1, DEADLINE)
    process.send_signal(signal.SIGKILL)
    await process.wait()

    runtime = await open_runtime(project(tmp_path))
    try:
        await check(runtime, 2_999)
        await finished(tmp_path)
        await check(runtime, 10)
        assert keys_in_use(tmp_path) == {load_file(tmp_path / ".muxi" / "master.key").current.id}
    finally:
        await runtime.close()


async def test_a_key_of_the_environment_is_changed_by_its_owner_in_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = MasterKey.fresh(), MasterKey.fresh()
    monkeypatch.setenv("MUXI_MASTER_KEY", old.text)
    async with served(tmp_path, lambda _: "") as muxi:
        await fill(muxi.runtime)
        with pytest.raises(InvalidInput, match="MUXI_MASTER_KEY") as refused:
            await muxi.client.secrets.rotate_key()
        assert "a space" in (refused.value.hint or "")
        assert old.text not in str(refused.value.details)
        assert not (tmp_path / ".muxi" / "master.key").exists()

    monkeypatch.setenv("MUXI_MASTER_KEY", f"{new.text} {old.text}")
    async with served(tmp_path, lambda _: "") as muxi:
        await check(muxi.runtime)
        done = await muxi.client.secrets.rotate_key()
        assert done.key_id == new.id
        assert "take it out of MUXI_MASTER_KEY" in (done.note or "")

    monkeypatch.setenv("MUXI_MASTER_KEY", new.text)
    async with served(tmp_path, lambda _: "") as muxi:
        await check(muxi.runtime)
        assert keys_in_use(tmp_path) == {new.id}


async def test_a_key_service_wraps_the_key_and_the_project_holds_none(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    kept = local_service(elsewhere)
    async with served(folder, lambda _: "", **kept) as muxi:
        await fill(muxi.runtime)
        first = await muxi.client.secrets.rotate_key()
        await check(muxi.runtime)
    assert not (folder / ".muxi" / "master.key").exists()
    service = load_file(elsewhere / "kms.key").current.text
    for file in folder.rglob("*"):
        assert not file.is_file() or service.encode() not in file.read_bytes()

    async with served(folder, lambda _: "", **kept) as muxi:
        await check(muxi.runtime)
        assert keys_in_use(folder) == {first.key_id}

    (elsewhere / "kms.key").unlink()
    async with served(folder, lambda _: "", **kept) as muxi:
        with pytest.raises(KeyServiceFailed, match="wrapped this"):
            await muxi.runtime.secrets.get("KEY_0")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import sys; sys.exit('no such key in the vault')", "no such key in the vault"),
        ("print('hello')", "no JSON"),
        ("print('{}')", "no `key`"),
        ("""print('{"key": "%%"}')""", "not base64"),
        ("""print('{"error": "access to the vault denied"}')""", "vault denied"),
        ("import time; time.sleep(600)", "did not answer"),
        (None, "cannot be started"),
    ],
)
async def test_a_key_service_that_fails_says_so(
    tmp_path: Path, program: str | None, words: str
) -> None:
    from muxi.identity.key_services.command import CommandKeyService

    command = ["/no/such/program"] if program is None else [sys.executable, "-c", program]
    seconds = 1.0 if words == "did not answer" else 30.0
    service = CommandKeyService(command, folder=tmp_path, seconds=seconds)

    with pytest.raises(KeyServiceFailed, match=words) as failed:
        await service.unwrap(b"wrapped")
    assert failed.value.hint is not None


async def test_the_service_of_this_machine_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    for line, words in (
        (b"hello\n", b"no request"),
        (b'{"operation": "export", "context": {}}\n', b"no operation"),
        (b'{"operation": "unwrap", "wrapped": "AAAA", "context": {}}\n', b"No key"),
        (b"[]\n", b"no request"),
    ):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "muxi.identity.key_services.local"),
            str(tmp_path / "kms.key"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(line)
        assert process.returncode == 1
        assert words in out


def test_a_ring_shows_no_key() -> None:
    ring = KeyRing([MasterKey.fresh(), MasterKey.fresh()])

    assert all(key.text not in repr(ring) + repr(key) for key in ring.keys)
    assert os.linesep not in repr(ring)
