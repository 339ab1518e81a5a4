"""The official tus client, whose server is killed in the middle of a file, and comes again."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from support.installed import CACHE

from muxi.client.client import Client
from muxi.devkit.node import Node
from tests.support.command import DEADLINE, Muxi

pytestmark = pytest.mark.ci

CLIENT = "tus-js-client@4.3.1"
SIZE = 12 << 20
FIRST = 5 << 20
"""Bytes that reach the first server."""


class Line:
    """A connection to whatever listens on `port`, which stops in the middle of the first file."""

    def __init__(self) -> None:
        self.port = 0
        self.full, self.cut = asyncio.Event(), asyncio.Event()
        self._passed = 0

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from the client to the server."""
        with suppress(ConnectionError, OSError):
            there, out = await asyncio.open_connection("127.0.0.1", self.port)
            back = asyncio.create_task(self._pass_back(there, writer))
            while piece := await reader.read(65_536):
                self._passed += len(piece)
                if self._passed > FIRST and not self.cut.is_set():
                    self.full.set()
                    await self.cut.wait()
                    break
                out.write(piece)
                await out.drain()
            out.close()
            await back
        writer.close()

    async def _pass_back(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, OSError):
            while piece := await there.read(65_536):
                writer.write(piece)
                await writer.drain()


@asynccontextmanager
async def line() -> AsyncIterator[tuple[Line, int]]:
    """A line, and where it begins."""
    made = Line()
    server = await asyncio.start_server(made.carry, "127.0.0.1", 0)
    try:
        yield made, server.sockets[0].getsockname()[1]
    finally:
        made.cut.set()
        server.close()


@asynccontextmanager
async def up(project: Muxi, line: Line) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A server at the end of a line, and its token."""
    async with project.start("up", "--port", str(line.port), "--json") as running:
        await running.until(lambda it: it.out.endswith("\n"))
        line.port = int(json.loads(running.out)["url"].rpartition(":")[2])
        yield running.process, (project.folder / ".muxi" / "token").read_text().strip()


async def _some_has_come(port: int, token: str) -> None:
    """Wait until something of the one file lies on the disk."""
    async with Client(f"http://127.0.0.1:{port}", token=token) as client:
        (file,) = (await client.files.page()).items
        async with asyncio.timeout(DEADLINE):
            while (await client.files.get(file.id)).offset == 0:  # noqa: ASYNC110 -- of a process
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("piece", [0, 1 << 20])
async def test_the_tus_client_goes_on_after_its_server_was_killed(
    piece: int, project: Muxi, tmp_path: Path
) -> None:
    node = await asyncio.to_thread(Node.find)
    home = await asyncio.to_thread(node.install, CACHE / CLIENT.replace("@", "-"), [CLIENT])
    data = os.urandom(SIZE)
    (tmp_path / "file").write_bytes(data)
    async with line() as (wire, port):
        # The name under which it is reached is another than its own.
        file = project.folder / "muxi.yaml"
        file.write_text(f"{file.read_text()}server: {{hosts: ['127.0.0.1:{port}']}}\n")
        endpoint = f"http://127.0.0.1:{port}/api/files"
        async with up(project, wire) as (server, token):
            sending = await asyncio.create_subprocess_exec(
                node.program,
                Path(__file__).with_name("tus.mjs"),
                *(home, endpoint, token, tmp_path / "file", str(piece)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            full, over = (asyncio.ensure_future(it) for it in (wire.full.wait(), sending.wait()))
            await asyncio.wait([full, over], timeout=DEADLINE, return_when=asyncio.FIRST_COMPLETED)
            assert full.done(), over.done() and await sending.communicate()
            await _some_has_come(wire.port, token)
            server.kill()
            await server.wait()
            wire.cut.set()
        async with up(project, wire) as (_, token):
            out, err = await sending.communicate()
            assert sending.returncode == 0, err.decode()
            told: dict[str, Any] = json.loads(out)
            async with Client(f"http://127.0.0.1:{wire.port}", token=token) as client:
                file = await client.files.get(told["url"].rpartition("/")[2])
                assert (file.status, file.name, file.size) == ("complete", "a picture.bin", SIZE)
                assert await client.files.content(file.id) == data
    asked = [tuple(each) for each in told["asked"]]
    assert asked[0][:2] == ("POST", 201)
    assert any(method == "HEAD" for method, _, _ in asked)
    resumed = [at for method, status, at in asked if (method, status) == ("PATCH", 204)]
    # What had come was not sent again; each piece was sent from where the last one ended.
    assert resumed[-1] > 0
    assert resumed == sorted(resumed)
