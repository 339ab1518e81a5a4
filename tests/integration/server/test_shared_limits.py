"""Two server processes on one PostgreSQL are as generous as one, to callers and to guessers."""

from __future__ import annotations

import asyncio
import time
from math import ceil
from pathlib import Path

import aiohttp
import pytest
from support.postgres import PostgresAddress
from support.processes import replicas

from muxi.identity.allowances import Limit
from muxi.identity.attempts import OF_PAIR

PASSWORD = "correct horse battery"
REQUESTS = 60


@pytest.mark.ci
async def test_two_processes_share_limits_and_count_guesses_together(
    wiped_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = {"url": wiped_database.url, "owner_url": wiped_database.owner_url}
    limits = {"user": {"requests": REQUESTS, "per": "hour"}}
    async with (
        replicas(tmp_path, storage=storage, server={"rate_limits": limits}) as nodes,
        aiohttp.ClientSession() as http,
    ):
        await nodes[0].client.users.create("ann", password=PASSWORD)
        await nodes[0].client.users.create("bob", password=PASSWORD)
        made = await nodes[0].client.keys.create(user="ann")
        headers = {"Authorization": f"Bearer {made.key}"}

        async def ask(number: int) -> int:
            url = f"{nodes[number % 2].url}/api/threads"
            async with http.get(url, headers=headers) as response:
                return response.status

        began = time.monotonic()
        statuses = await asyncio.gather(*(ask(number) for number in range(REQUESTS * 3)))
        known = Limit("user", REQUESTS, 3600)
        came_back = ceil((time.monotonic() - began) / known.step)
        assert set(statuses) == {200, 429}
        most = REQUESTS + len(nodes) * known.block + came_back
        assert REQUESTS <= statuses.count(200) <= most

        async def sign_in(number: int, user: str, password: str) -> tuple[int, str]:
            url, data = f"{nodes[number % 2].url}/login", {"name": user, "password": password}
            async with http.post(url, data=data, allow_redirects=False) as response:
                return response.status, await response.text()

        # Whether one after another or all at once.
        said = [await sign_in(number, "ann", f"guess {number}") for number in range(10)]
        assert [status for status, _ in said] == [401] * 10
        assert ["too many" in page for _, page in said] == [False] * OF_PAIR + [True] * OF_PAIR
        said = await asyncio.gather(*(sign_in(n, "bob", f"guess {n}") for n in range(10)))
        assert sum("too many" in page for _, page in said) == OF_PAIR
        for number, user in enumerate(("ann", "ann", "bob", "bob")):
            assert (await sign_in(number, user, PASSWORD))[0] == 401
