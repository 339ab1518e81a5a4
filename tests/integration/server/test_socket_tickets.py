"""A ticket opens one WebSocket, at any server of the project: once, soon, for who asked for it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.postgres import PostgresAddress
from support.processes import Process, replicas
from support.served import Served, served
from support.sockets import socket

from muxi.core.scope import Scope
from muxi.storage.database import open_database
from muxi.storage.transaction import Database

WHOLE = Scope("default", None)


async def ticket_of(url: str, token: str) -> str:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(f"{url}/api/socket-tickets") as response,
    ):
        assert response.status == 201
        return (await response.json())["ticket"]


async def opened_by(url: str, ticket: str) -> dict[str, Any] | int:
    """What a socket is greeted with, or the status with which it is refused."""
    try:
        async with socket(url, query=f"?ticket={ticket}") as ws:
            return ws.heard[0]
    except aiohttp.WSServerHandshakeError as refused:
        return refused.status


async def expire_all(database: Database) -> None:
    """As if half a minute had gone by."""
    late = "UPDATE tickets SET expires_at = expires_at - 31000000 RETURNING expires_at"
    await database.write(WHOLE, lambda tx: tx.raw(late))


async def count(database: Database) -> int:
    return (await database.read(WHOLE, lambda tx: tx.raw("SELECT count(*) FROM tickets")))[0][0]


@pytest.fixture
async def muxi(tmp_path: Path, storage: dict[str, Any]) -> AsyncGenerator[Served]:
    async with served(tmp_path, [], **storage) as muxi:
        yield muxi


async def test_of_many_who_show_a_ticket_at_once_one_gets_in(muxi: Served) -> None:
    ticket = await ticket_of(muxi.url, muxi.token)
    found = await asyncio.gather(*(opened_by(muxi.url, ticket) for _ in range(8)))
    assert [each for each in found if isinstance(each, int)] == [401] * 7
    assert await count(muxi.runtime.database) == 0


async def test_an_old_ticket_opens_nothing_and_goes_with_the_next_one(muxi: Served) -> None:
    database = muxi.runtime.database
    old = [await ticket_of(muxi.url, muxi.token) for _ in range(3)]
    await expire_all(database)
    assert await opened_by(muxi.url, old[0]) == 401
    assert await count(database) == 2
    await ticket_of(muxi.url, muxi.token)
    assert await count(database) == 1


async def test_a_ticket_does_not_outlive_the_key_that_asked_for_it(muxi: Served) -> None:
    await muxi.client.users.create("ann")
    made = await muxi.client.keys.create(user="ann")
    ticket = await ticket_of(muxi.url, made.key)
    await muxi.client.keys.revoke(made.id)
    assert await opened_by(muxi.url, ticket) == 401


@asynccontextmanager
async def two_servers(
    folder: Path, address: PostgresAddress, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[tuple[list[Process], Database]]:
    """Two processes with one database and one master key, and the database."""
    monkeypatch.setenv("MUXI_MASTER_KEY", os.urandom(32).hex())
    urls = {"url": address.url, "owner_url": address.owner_url}
    async with replicas(folder, storage=urls) as nodes:
        database = await open_database(address.url, owner_url=address.owner_url)
        try:
            yield nodes, database
        finally:
            await database.close()


@pytest.mark.ci
async def test_a_ticket_of_one_process_opens_one_socket_at_another(
    wiped_database: PostgresAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with two_servers(tmp_path, wiped_database, monkeypatch) as (nodes, database):
        one, two = nodes
        await one.client.tenants.create("acme")
        keys: dict[str, str] = {}
        for name in ("ann", "ben"):
            await one.client.users.create(name)
            keys[name] = (await one.client.keys.create(user=name)).key

        async def ticket(name: str) -> str:
            return await ticket_of(one.url, keys[name])

        used = await ticket("ann")
        greeting = await opened_by(two.url, used)
        assert isinstance(greeting, dict)
        assert (greeting["tenant"], greeting["user"]) == ("default", "ann")
        for node in nodes:
            assert await opened_by(node.url, used) == 401

        # All at once, at both.
        again = await ticket("ann")
        found = await asyncio.gather(*(opened_by(nodes[n % 2].url, again) for n in range(6)))
        assert sum(isinstance(each, dict) for each in found) == 1

        late = await ticket("ann")
        await expire_all(database)
        assert await opened_by(two.url, late) == 401

        # It says who comes, and neither another user nor another tenant can be put in their place.
        headers = {"X-Muxi-User": "local", "X-Muxi-Tenant": "acme"}
        ask = f"?ticket={await ticket('ben')}"
        async with socket(two.url, headers=headers, query=ask) as ws:
            assert (ws.heard[0]["tenant"], ws.heard[0]["user"]) == ("default", "ben")
            refused = await ws.say("renew", ticket=await ticket("ann"))
            assert "stays with its user" in refused["detail"]
            own = await ticket("ben")
            assert (await ws.say("renew", ticket=own))["user"] == "ben"
            assert "used up" in (await ws.say("renew", ticket=own))["detail"]
