"""`muxi up` in a process of its own, and what a client needs to talk to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from muxi.client.client import Client
from tests.support.command import DEADLINE, Muxi, Running


@dataclass
class Up:
    """`muxi up`, as its clients have it."""

    running: Running
    url: str
    token: str
    client: Client
    http: aiohttp.ClientSession

    @property
    def port(self) -> str:
        return self.url.rpartition(":")[2]

    async def stopping(self) -> aiohttp.ClientResponse:
        """The answer to who wants something of it, once it stops."""
        async with asyncio.timeout(DEADLINE):
            while True:
                async with self.http.get(f"{self.url}/readyz") as ready:
                    if ready.status == 503:
                        break
                await asyncio.sleep(0.02)
        async with self.http.post(f"{self.url}/api/runs", json={"input": "More"}) as answer:
            await answer.read()
            return answer


@asynccontextmanager
async def up(project: Muxi, port: str = "0") -> AsyncIterator[Up]:
    async with project.start("up", "--port", port, "--json") as running:
        await running.until(lambda it: it.out.endswith("\n"))
        url = json.loads(running.out)["url"]
        token = (project.folder / ".muxi" / "token").read_text().strip()
        async with (
            Client(url, token=token) as client,
            aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as http,
        ):
            yield Up(running, url, token, client, http)


def declare(folder: Path, **sections: object) -> None:
    """Put sections into the project's file, in the place of those that are there."""
    file = folder / "muxi.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **sections}))
