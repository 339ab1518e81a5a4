"""Whoever asks too often waits, whoever says nothing is cut off, and nobody else notices."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from support.served import Served, served

from muxi.core.identities import User
from muxi.core.record import now
from muxi.server import corked


async def _key(muxi: Served, user: str) -> dict[str, str]:
    identity = muxi.runtime.identity
    await identity.users.create("default", User(id=user, roles=["member"], created_at=now()))
    return await _another_key(muxi, user)


async def _another_key(muxi: Served, user: str) -> dict[str, str]:
    made = await muxi.runtime.identity.keys.create("default", user)
    return {"Authorization": f"Bearer {made.key}"}


async def test_keys_users_and_tenants_have_limits_of_their_own(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    limits = {"key": {"requests": 3}, "user": {"requests": 5}, "tenant": {"requests": 7}}
    server = {"rate_limits": limits}
    async with (
        served(tmp_path, [], server=server, **storage) as muxi,
        aiohttp.ClientSession() as http,
    ):
        first = await _key(muxi, "ann")
        second, bob = await _another_key(muxi, "ann"), await _key(muxi, "bob")

        async def ask(headers: dict[str, str]) -> tuple[int, str]:
            async with http.get(f"{muxi.url}/api/threads", headers=headers) as response:
                if response.status == 429:
                    problem = await response.json()
                    assert problem["code"] == "rate_limited"
                    assert int(response.headers["Retry-After"]) > 0
                    assert ";r=0;" in response.headers["RateLimit"]
                    return 429, problem["details"]["limit"]
                policies = response.headers["RateLimit-Policy"]
                assert policies == '"key";q=3;w=60, "user";q=5;w=60, "tenant";q=7;w=60'
                return response.status, response.headers["RateLimit"].split(", ")[0][:9]

        assert [await ask(first) for _ in range(4)] == [
            (200, '"key";r=2'),
            (200, '"key";r=1'),
            (200, '"key";r=0'),
            (429, "key"),
        ]
        assert [await ask(second) for _ in range(3)][2] == (429, "user")
        assert [await ask(bob) for _ in range(3)][2] == (429, "tenant")
        # The person at this machine can always look.
        await muxi.client.status()


async def test_strangers_are_slowed_down_by_address_and_health_is_not(tmp_path: Path) -> None:
    server = {"rate_limits": {"address": {"requests": 5, "per": "hour"}}}
    async with served(tmp_path, [], server=server) as muxi, aiohttp.ClientSession() as http:
        statuses: list[int] = []
        for number in range(7):
            wrong = {"Authorization": f"Bearer wrong{number}"}
            async with http.get(f"{muxi.url}/api/threads", headers=wrong) as response:
                statuses.append(response.status)
        assert statuses == [401] * 5 + [429] * 2
        assert int(response.headers["Retry-After"]) > 60
        async with http.get(f"{muxi.url}/healthz") as response:
            assert response.status == 200
        async with http.get(f"{muxi.url}/login") as response:
            assert response.status == 429
        # Whoever has credentials is not taken for a stranger of the same address.
        await muxi.client.status()


async def _connect(url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def test_a_connection_that_says_nothing_is_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corked, "PATIENCE", 1.0)
    async with served(tmp_path, []) as muxi:
        for half in (b"", b"GET /healthz HTTP/1.1\r\nHost: loc"):
            reader, writer = await _connect(muxi.url)
            writer.write(half)
            async with asyncio.timeout(60):
                assert await reader.read() == b""
            writer.close()
        # The second request of a connection is not waited for any longer than the first.
        reader, writer = await _connect(muxi.url)
        port = urlsplit(muxi.url).port
        request = f"GET /healthz HTTP/1.1\r\nHost: localhost:{port}\r\n".encode()
        writer.write(request + b"\r\n" + request)
        async with asyncio.timeout(60):
            assert (await reader.read()).count(b"HTTP/1.1") == 1
        writer.close()


async def test_a_head_without_end_is_refused(tmp_path: Path) -> None:
    async with served(tmp_path, []) as muxi:
        reader, writer = await _connect(muxi.url)
        with suppress(ConnectionError):
            writer.write(b"GET /healthz HTTP/1.1\r\n")
            for number in range(10_000):
                writer.write(b"x-%d: %s\r\n" % (number, b"y" * 1000))
                await writer.drain()
        with suppress(ConnectionError):
            async with asyncio.timeout(60):
                assert (await reader.read()).startswith(b"HTTP/1.1 431")
        writer.close()
        await muxi.client.status()


async def test_a_flood_of_connections_keeps_nobody_else_out(tmp_path: Path) -> None:
    server = {"rate_limits": {"connections": 50, "address": {"requests": 100}}}
    async with served(tmp_path, ["Yes."], server=server) as muxi:
        silent = [await _connect(muxi.url) for _ in range(50)]
        for _ in range(200):
            reader, writer = await _connect(muxi.url)
            with suppress(ConnectionError):
                writer.write(b"GET / HTTP/1.1\r\n\r\n")
                async with asyncio.timeout(60):
                    assert await reader.read() == b""
            writer.close()
        for _, writer in silent:
            writer.close()
        statuses: set[int] = set()
        async with aiohttp.ClientSession() as http:
            for _ in range(200):
                async with http.get(f"{muxi.url}/") as response:
                    statuses.add(response.status)
        assert statuses == {401, 429}
        _, events = await muxi.answer("Still there?")
        assert events[-1].type == "run.completed"


async def test_what_is_asked_over_a_websocket_counts_too(tmp_path: Path) -> None:
    limits = {"user": {"requests": 3, "per": "hour"}, "address": {"requests": 2, "per": "hour"}}
    server = {"rate_limits": limits}
    start = {"type": "send", "id": 1, "run": {"input": "Well?"}}
    async with (
        served(tmp_path, ["One.", "Two."], server=server) as muxi,
        aiohttp.ClientSession() as http,
    ):
        headers = await _key(muxi, "ann")
        async with http.ws_connect(f"{muxi.url}/ws", headers=headers) as socket:
            kinds: list[str] = []
            for _ in range(3):
                await socket.send_json(start)
                async with asyncio.timeout(60):
                    while True:
                        told = await socket.receive_json()
                        if told.get("id") == 1:
                            kinds.append(told["type"])
                            break
            assert kinds == ["reply", "reply", "error"]
            assert told["problem"]["code"] == "rate_limited"
        statuses: list[int] = []
        for _ in range(3):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await http.ws_connect(f"{muxi.url}/ws", headers={"Authorization": "Bearer wrong"})
            statuses.append(caught.value.status)
        assert statuses == [401, 401, 429]
