"""What is made when it is first needed is made once, whoever needs it at the same time."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from muxi.identity.audit.signing import signing_key
from muxi.runtime.build import Runtime, open_runtime
from muxi.runtime.principal import LOCAL
from muxi.runtime.state import StateFolder
from muxi.storage.blob_files import BlobFiles
from muxi.storage.master_keys import load_file
from muxi.storage.partial_files import PartialFiles
from tests.support.postgres import PostgresAddress
from tests.support.served import project

MANY = 8


def at_once(read: Callable[[], str]) -> set[str]:
    """What many threads read that begin at the same moment."""
    begin = threading.Barrier(MANY)

    def one(_: int) -> str:
        begin.wait(60)
        return read()

    with ThreadPoolExecutor(MANY) as threads:
        return set(threads.map(one, range(MANY)))


def _token(folder: Path) -> str:
    return StateFolder(folder).token()


def _master_key(folder: Path) -> str:
    return load_file(folder / "master.key").current.text


def _signing_key(folder: Path) -> str:
    return signing_key(folder / "audit.key").public


@pytest.mark.parametrize("read", [_token, _master_key, _signing_key])
def test_a_key_is_made_by_one_of_those_that_need_it_first(
    read: Callable[[Path], str], tmp_path: Path
) -> None:
    for number in range(3):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert len(at_once(partial(read, folder))) == 1
        (file,) = folder.iterdir()
        assert file.stat().st_mode & 0o777 == 0o600


async def _runtime(folder: Path, address: PostgresAddress) -> Runtime:
    model = {"model": "openai/fake", "key": "secret://k"}
    storage = {"url": address.url, "owner_url": address.owner_url}
    declared = project(folder, model="it", models={"it": model}, storage=storage)
    runtime = await open_runtime(declared)
    await runtime.secrets.put("k", "one")
    return runtime


async def test_a_model_that_is_being_made_while_its_key_changes_is_not_kept(
    wiped_database: PostgresAddress, tmp_path: Path
) -> None:
    """On PostgreSQL, where reading a secret takes a while."""
    runtime = await _runtime(tmp_path, wiped_database)
    try:
        version = await runtime.agents.current(LOCAL, "a")
        for make in (
            partial(runtime.models.live, "it"),
            partial[Any](runtime.agents.live, version),
        ):
            runtime.agents.forget()
            first, second = asyncio.create_task(make()), asyncio.create_task(make())
            await asyncio.sleep(0)
            assert not first.done()
            runtime.agents.forget()
            assert await first is await second
            assert await make() is not await first
    finally:
        await runtime.close()


def test_files_that_come_and_go_disturb_no_sweep(tmp_path: Path) -> None:
    blobs, partial_files = BlobFiles(tmp_path / "blobs"), PartialFiles(tmp_path / "unfinished")
    done = threading.Event()

    def send() -> None:
        try:
            for number in range(40):
                data = b"%d" % number
                blob = blobs.put("acme", data, "text/plain")
                assert blobs.remove("acme", blob.hash, put_before=2**40)
                partial_files.begin("acme", str(number))
                partial_files.append("acme", str(number), data)
                partial_files.finish("acme", str(number), "text/plain", into=blobs)
        finally:
            done.set()

    with ThreadPoolExecutor(1) as threads:
        sending = threads.submit(send)
        while not done.is_set():
            blobs.sweep("acme", set())
            partial_files.sweep("acme", older_than=3600)
        sending.result()
