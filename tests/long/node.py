"""A `muxi up` in a process of its own, that can be killed and started again at the same address."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from muxi.client.client import Client
from tests.support.ports import free_port

HERE = Path(__file__).parent
DEADLINE = 90.0
"""Seconds for anything that a long test waits for; a loaded machine needs many."""

PROJECT = """\
model: moody
models:
  moody:
    model: openai-compatible/moody
    base_url: {provider}
    retry: {{attempts: 2}}
agents:
  assistant:
    tools: [look_up, charge, transfer]
    limits: {{tool_calls: null}}
  talker: {{}}
{agents}tools:
  look_up: shop.py:look_up
  charge: shop.py:charge
  transfer: shop.py:transfer
"""


@dataclass
class Node:
    """One server of a project. `url` stays the same over all its lives."""

    folder: Path
    port: int
    lease: float
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    clients: list[Client] = field(default_factory=list[Client])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def token(self) -> str:
        return (self.folder / ".muxi" / "token").read_text(encoding="ascii").strip()

    @property
    def log(self) -> str:
        """All that its lives have said."""
        return (self.folder / "log.txt").read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    async def start(self) -> None:
        """Start the process; it does not answer yet."""
        self.starts += 1
        kept = {
            name: os.environ[name]
            for name in ("PATH", "TMPDIR", "PYTHONPATH")
            if name in os.environ
        }
        home = {"HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder / "data")}
        command = [sys.executable, str(HERE / "hasty_up.py"), str(self.lease)]
        with (self.folder / "log.txt").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *command,
                *("--port", str(self.port), "--no-browser"),
                cwd=self.folder,
                env={**kept, **home, "PYTHONUTF8": "1"},
                stdout=log,
                stderr=log,
            )

    async def answers(self) -> None:
        """Return once the server is healthy."""
        async with asyncio.timeout(DEADLINE), aiohttp.ClientSession() as session:
            while True:
                assert self.process is not None
                assert self.process.returncode is None, self.log[-2000:]
                try:
                    async with session.get(f"{self.url}/healthz") as response:
                        if response.status == 200:
                            return
                except aiohttp.ClientError:
                    # It does not listen yet: there is no event of it that could be awaited.
                    await asyncio.sleep(0.02)

    async def kill(self) -> None:
        """End the process as a power cut of its memory would."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()

    async def stop(self) -> int:
        """End the process in good order; returns its exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            return await self.process.wait()

    def client(self) -> Client:
        """A client that is closed with the node."""
        client = Client(self.url, token=self.token)
        self.clients.append(client)
        return client


@asynccontextmanager
async def node(
    folder: Path, provider: str, *, storage: str | None = None, agents: str = "", lease: float = 2.0
) -> AsyncGenerator[Node]:
    """A running server of a fresh project with the tools of the shop."""
    text = PROJECT.format(provider=provider, agents=agents)
    if storage is not None:
        text += f"storage:\n  url: {storage}\n"
    _lay_out(folder, text)
    made = Node(folder, free_port(), lease)
    try:
        await made.start()
        await made.answers()
        yield made
    finally:
        for client in made.clients:
            await client.close()
        await made.kill()


@asynccontextmanager
async def script(path: Path, *arguments: str) -> AsyncGenerator[str]:
    """A process that prints its address and serves until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(path), *arguments, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(DEADLINE):
            address = (await process.stdout.readline()).decode().strip()
        assert address, f"{path.name} did not start"
        yield address
    finally:
        process.kill()
        await process.wait()


def _lay_out(folder: Path, project: str) -> None:
    folder.mkdir()
    (folder / "muxi.yaml").write_text(project, encoding="utf-8")
    shutil.copy(HERE / "shop.py", folder)
