"""Servers in processes of their own, to be killed."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxi.client.client import Client

SCRIPT = Path(__file__).parent / "crashing_server.py"
SPENDING = Path(__file__).parent / "spending_server.py"


@dataclass
class Process:
    """A server and who talks to it."""

    process: asyncio.subprocess.Process
    client: Client
    url: str
    token: str

    async def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        await self.process.wait()


@asynccontextmanager
async def started(folder: Path, script: Path = SCRIPT) -> AsyncGenerator[Process]:
    """Start the server of a folder, again and again."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(folder), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().strip()
        assert url, "the server did not start"
        token = (folder / ".muxi" / "token").read_text().strip()
        async with Client(url, token=token) as client:
            yield Process(process, client, url, token)
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


@asynccontextmanager
async def replicas(folder: Path, **declared: Any) -> AsyncGenerator[list[Process]]:
    """Two processes of one project, each with a folder of its own."""
    said = json.dumps({"model": "m/m", "agents": {"a": {"name": "a"}}, **declared})
    async with AsyncExitStack() as stack:
        nodes: list[Process] = []
        for name in ("one", "two"):
            await asyncio.to_thread((folder / name).mkdir)
            await asyncio.to_thread((folder / name / "muxi.yaml").write_text, said)
            nodes.append(await stack.enter_async_context(started(folder / name, SPENDING)))
        yield nodes
