"""A server is killed while many are at work with it; nothing that it acknowledged is lost."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
from dataclasses import dataclass, field
from itertools import count

import aiohttp
import pytest

from muxi.core.events import RunCompleted
from muxi.identity.audit.verifying import verify_lines
from tests.support.command import DEADLINE, Muxi, Provider
from tests.support.ports import free_port
from tests.support.up import Up, declare, up

pytestmark = pytest.mark.ci

ROUNDS = 3
AT_WORK = 4
"""Who do the same thing at the same time."""
ENOUGH = 40
"""Acknowledgements after which the server is killed."""
PIECE = 20_000


@dataclass
class Told:
    """What servers have acknowledged."""

    threads: dict[str, str] = field(default_factory=dict[str, str])
    """Their ids, by idempotency key."""
    runs: dict[str, str] = field(default_factory=dict[str, str])
    """Their answers."""
    files: dict[str, bytes] = field(default_factory=dict[str, bytes])
    """What was sent whole."""
    pieces: dict[str, tuple[bytes, int]] = field(default_factory=dict[str, tuple[bytes, int]])
    """What is sent by tus, and how much of it has come."""
    secrets: set[str] = field(default_factory=set[str])
    numbers: count[int] = field(default_factory=count)
    _heard: int = 0
    enough: asyncio.Event = field(default_factory=asyncio.Event)

    def again(self) -> None:
        """Count anew."""
        self._heard, self.enough = 0, asyncio.Event()

    def heard(self) -> None:
        self._heard += 1
        if self._heard >= ENOUGH:
            self.enough.set()


async def _make_threads(server: Up, told: Told) -> None:
    while True:
        key = f"key-{next(told.numbers)}"
        async with server.http.post(
            f"{server.url}/api/threads", json={"title": key}, headers={"Idempotency-Key": key}
        ) as answer:
            told.threads[key] = (await answer.json())["id"]
        told.heard()


async def _run(server: Up, told: Told) -> None:
    while True:
        run = await server.client.start_run(f"number {next(told.numbers)}")
        *_, end = [event async for event in server.client.events(run.id, patience=0.1)]
        assert isinstance(end, RunCompleted)
        told.runs[run.id] = end.text
        told.heard()


async def _send_files(server: Up, told: Told) -> None:
    chance = random.Random(next(told.numbers))
    while True:
        data = chance.randbytes(3 * PIECE)
        if chance.random() < 0.5:
            async with server.http.post(f"{server.url}/api/files", data=data) as answer:
                told.files[(await answer.json())["id"]] = data
            told.heard()
        else:
            await _send_pieces(server, told, data)


async def _send_pieces(server: Up, told: Told, data: bytes) -> None:
    tus = {"Tus-Resumable": "1.0.0"}
    announced = {**tus, "Upload-Length": str(len(data))}
    async with server.http.post(f"{server.url}/api/files", headers=announced) as answer:
        place = answer.headers["Location"]
        told.pieces[place] = (data, 0)
    for at in range(0, len(data), PIECE):
        piece = data[at : at + PIECE]
        digest = base64.b64encode(hashlib.sha256(piece).digest()).decode()
        headers = {
            **tus,
            "Content-Type": "application/offset+octet-stream",
            "Upload-Offset": str(at),
            "Upload-Checksum": f"sha256 {digest}",
        }
        async with server.http.patch(server.url + place, data=piece, headers=headers) as answer:
            assert answer.status == 204, await answer.text()
        told.pieces[place] = (data, at + len(piece))
        told.heard()


async def _keep_secrets(server: Up, told: Told) -> None:
    while True:
        name = f"SECRET_{next(told.numbers)}"
        url = f"{server.url}/api/secrets/{name}"
        async with server.http.put(url, json={"value": name}) as answer:
            assert answer.status == 204
        told.secrets.add(name)
        told.heard()


WORKERS = (_make_threads, _run, _send_files, _keep_secrets)


async def _work_until_killed(server: Up, told: Told) -> None:
    told.again()
    tasks = [asyncio.create_task(work(server, told)) for work in WORKERS for _ in range(AT_WORK)]
    async with asyncio.timeout(10 * DEADLINE):
        await told.enough.wait()
    server.running.process.kill()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    # Each was broken off by the end of the server, and by nothing else.
    broken = [each for each in ended if not isinstance(each, aiohttp.ClientError | OSError)]
    assert all(type(each).__name__ == "ServerUnavailable" for each in broken), broken


async def _compare(server: Up, told: Told) -> None:
    """Whatever was acknowledged is there, and once."""
    for key, thread_id in told.threads.items():
        async with server.http.post(
            f"{server.url}/api/threads", json={"title": key}, headers={"Idempotency-Key": key}
        ) as answer:
            assert (await answer.json()).get("id") == thread_id, await answer.text()
    for run_id, text in told.runs.items():
        *_, end = [event async for event in server.client.events(run_id)]
        assert isinstance(end, RunCompleted)
        assert end.text == text
    for file_id, data in told.files.items():
        assert await server.client.files.content(file_id) == data
    for place, (data, come) in told.pieces.items():
        file = await server.client.files.get(place.rpartition("/")[2])
        assert file.offset >= come
        file = await server.client.files.send(data, resume=file.id)
        assert file.status == "complete"
        assert await server.client.files.content(file.id) == data
    assert told.secrets <= set(await server.client.secrets.names())


async def _compare_books(server: Up, told: Told) -> None:
    """The audit log is in one piece and knows what was done; the budget knows what was spent."""
    async with asyncio.timeout(DEADLINE):
        while (await server.client.audit.head()).waiting:  # noqa: ASYNC110 -- of another process
            await asyncio.sleep(0.05)
    lines = [line async for line in server.client.audit.export()]
    report = verify_lines(lines)
    assert report.good, report.findings
    log = "\n".join(lines)
    missing = [name for name in told.secrets if name not in log]
    assert missing == []
    (balance,) = (await server.client.budgets.balances()).items
    assert balance.used.runs >= len(told.runs)


async def test_nothing_acknowledged_is_lost(project: Muxi, provider: Provider) -> None:
    declare(
        project.folder,
        budgets={"all": {"per": "tenant", "every": "month", "runs": 1_000_000}},
        memory={"embedder": "none"},
    )
    told, port = Told(), str(free_port())
    for _ in range(ROUNDS):
        async with up(project, port) as server:
            await _work_until_killed(server, told)
        async with up(project, port) as server:
            await _compare(server, told)
            await _compare_books(server, told)
    assert told.threads
    assert told.runs
    assert told.files
    assert told.pieces
