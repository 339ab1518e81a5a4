"""Probes across users and tenants, over every route of the description: none is answered."""

from __future__ import annotations

import asyncio
import json
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import aiohttp
import pytest
from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.identities import User
from muxi.core.record import now
from muxi.models.scripted import ModelRequest, Reply, call

from .prober import Prober, Request, gives_away
from .victim import MARK, Victim, pay

_ROUND = 2_000
"""Probes after which new strangers come, so that none drowns in what they have made themselves."""
_FRAMES, _CALLS = 0.04, 0.015
"""Shares of the probes that are commands over a WebSocket, and calls of MCP."""
_WAIT = 60.0
"""Seconds after which an answer is no answer."""

# Nothing is remembered afterwards: what the victim has is to stay as it is.
_DECLARED: dict[str, Any] = {
    "agents": {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}},
    "memory": {"embedder": "none", "remember": False},
    "server": {"rate_limits": {"address": None, "user": None, "tenant": None, "key": None}},
}

Record = Callable[[str, Any], None]


def answer(request: ModelRequest) -> Reply | str:
    said = request.messages[-1].text
    if "look" in said:
        return call("look")
    if "pay" in said:
        return call("pay", amount=1)
    return f"Yes, the {MARK}." if MARK in said else "Yes."


@pytest.fixture(params=["sqlite", "postgresql"])
async def muxi(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    declared = dict(_DECLARED)
    if request.param == "postgresql":
        address: PostgresAddress = request.getfixturevalue("postgres_database")
        declared["storage"] = {"url": address.url, "owner_url": address.owner_url}
    async with served(tmp_path, answer, tools={"pay": pay}, **declared) as living:
        yield living


@pytest.fixture(autouse=True)
def _gone_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streams without an end look at once whether their reader has left."""
    monkeypatch.setattr("muxi.server.sse._WATCH_AFTER", 0.0)


async def _key(muxi: Served, tenant: str, user: str, role: str = "member") -> str:
    identity = muxi.runtime.identity
    await identity.users.create(tenant, User(id=user, roles=[role], created_at=now()))
    return (await identity.keys.create(tenant, user)).key


@dataclass
class Stranger:
    """Somebody who probes."""

    name: str
    tenant: str
    key: str
    prober: Prober
    muxi: Served
    told: Counter[str]
    heard: list[str] = field(default_factory=list[str])
    """What their WebSocket has brought."""

    async def settle(self) -> None:
        """Have a little of their own."""
        mine = Victim(self.muxi, self.key)
        run = await mine.read("POST", "/api/runs", {"input": "pay"})
        await mine.ask("GET", f"/api/runs/{run['id']}/events")
        (asked,) = (await mine.read("GET", "/api/approvals"))["items"]
        self.prober.own = [run["id"], run["thread_id"], run["input_id"], asked["id"]]

    async def probe(self, count: int) -> None:
        """Try so many things, one after the other."""
        chance = self.prober.chance
        headers = {"authorization": f"Bearer {self.key}"}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.ws_connect(f"{self.muxi.url}/ws", max_msg_size=0) as socket,
        ):
            for number in range(count):
                draw = chance.random()
                if draw < _FRAMES:
                    await self._say(socket, number)
                elif draw < _FRAMES + _CALLS:
                    await self._send(self.prober.call(), "MCP")
                else:
                    await self._send(self.prober.request(), "HTTP")
        await self._send(Request("GET", "/api/threads", {}, b""), "HTTP", wanted=200)

    async def _send(self, probe: Request, kind: str, *, wanted: int | None = None) -> None:
        async with asyncio.timeout(_WAIT):
            status, told = await ask(self.muxi, self.key, probe)
        self.told[f"{kind} {status}"] += 1
        where = (self.name, probe, status, told[:500])
        assert status < 500 or status in (501, 503), where
        assert status != 304 or not probe.stolen, where
        assert wanted in (None, status), where
        self._judge(told, where)

    async def _say(self, socket: aiohttp.ClientWebSocketResponse, number: int) -> None:
        frame = {"id": number, **self.prober.frame()}
        await socket.send_str(json.dumps(frame))
        async with asyncio.timeout(_WAIT):
            while True:
                told = await socket.receive_str()
                self._judge(told.encode(), (self.name, frame, told[:500]))
                answered = json.loads(told)
                if answered["type"] in ("reply", "error") and answered.get("id") == frame["id"]:
                    break
        code = answered.get("problem", {}).get("status", 200)
        self.told[f"WebSocket {code}"] += 1
        assert code < 500, (frame, told)
        if frame["type"] == "renew":
            assert code >= 400, (frame, told)

    def _judge(self, told: bytes, where: Any) -> None:
        found = gives_away(self.prober.victim, told, same_tenant=self.tenant == DEFAULT_TENANT)
        assert found is None, (found, where)


async def ask(muxi: Served, key: str, probe: Request) -> tuple[int, bytes]:
    """Status and body of what the server says, without a network between."""
    path, _, query = probe.target.partition("?")
    host = muxi.url.removeprefix("http://")
    sent = {"host": host, "authorization": f"Bearer {key}", **probe.headers}
    sent["content-length"] = str(len(probe.body))
    scope = {
        "type": "http",
        "method": probe.method,
        "path": unquote(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "scheme": "http",
        "server": ("127.0.0.1", int(host.rpartition(":")[2])),
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
    }
    told: list[bytes] = []
    status = 0
    over = asyncio.Event()
    waiting = [{"type": "http.request", "body": probe.body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if waiting:
            return waiting.pop()
        if probe.method == "POST":
            # What is answered ends by itself, and MCP gives up at once when somebody leaves.
            await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        nonlocal status
        status = message.get("status", status)
        told.append(message.get("body", b""))

    await muxi.server.app(scope, receive, send)  # pyright: ignore[reportArgumentType] -- plain dictionaries, as a server hands them over
    return status, b"".join(told)


async def _reaches(muxi: Served, victim: Victim, prober: Prober) -> set[str]:
    """By which kinds of probes that only look the victim themselves finds what is theirs."""
    found: set[str] = set()
    looks = (probe for probe in iter(prober.request, None) if probe.method == "GET")
    calls = (probe for probe in iter(prober.call, None) if b"resources/read" in probe.body)
    for kind, probes in (("HTTP", looks), ("MCP", calls)):
        for probe in islice(probes, 5_000):
            if MARK.encode() in (await ask(muxi, victim.key, probe))[1]:
                found.add(kind)
                break
    url = f"{muxi.url}/ws?ticket={victim.ticket}"
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as socket:
        thread = victim.ids["thr"][0]
        await socket.send_str(json.dumps({"type": "subscribe", "thread_id": thread}))
        async with asyncio.timeout(_WAIT):
            while MARK not in await socket.receive_str():
                pass
        found.add("WebSocket")
    return found


async def _probe(muxi: Served, probes: int, record: Record) -> None:
    victim = Victim(muxi, await _key(muxi, DEFAULT_TENANT, "ann"))
    await victim.settle()
    async with muxi.http.get(f"{muxi.url}/openapi.json") as response:
        document = await response.json()
    seed = int(os.environ.get("MUXI_PROBES_SEED", random.randrange(2**32)))
    # What they find shows that these probes reach something at all.
    assert await _reaches(muxi, victim, Prober(document, victim, random.Random(seed))) == {
        "HTTP",
        "MCP",
        "WebSocket",
    }
    before = await victim.shown()
    assert MARK in str(before)
    told: Counter[str] = Counter()
    for number, done in enumerate(range(0, probes, _ROUND)):
        strangers = await _strangers(
            muxi, number, told=told, document=document, victim=victim, seed=f"{seed} {number}"
        )
        share = -(-min(_ROUND, probes - done) // len(strangers))
        async with asyncio.TaskGroup() as together:
            for each in strangers:
                together.create_task(each.probe(share))
        for each in strangers:
            seen = str(await Victim(muxi, each.key).shown())
            assert MARK not in seen, (seed, number, each.name)
        after = await victim.shown()
        changed = {place: (before[place], after[place]) for place in before}
        changed = {place: two for place, two in changed.items() if two[0] != two[1]}
        assert not changed, (seed, number, changed)
    for name, figure in {"seed": seed, "probes": told.total(), "answers": dict(told)}.items():
        record(name, figure)


async def _strangers(
    muxi: Served,
    number: int,
    *,
    told: Counter[str],
    document: dict[str, Any],
    victim: Victim,
    seed: str,
) -> list[Stranger]:
    """Somebody of the victim's tenant; a user and a namesake in another; and who rules a third."""
    # A tenant of their own: who rules may well remove its users.
    rival, realm = f"rival-{number}", f"realm-{number}"
    for tenant in (rival, realm):
        await muxi.runtime.identity.tenants.create(tenant, None)
    found: list[Stranger] = []
    for name, tenant, role in (
        (f"bob-{number}", DEFAULT_TENANT, "member"),
        ("eve", rival, "member"),
        # Of the same name: an id of a user means nothing outside of a tenant.
        ("ann", rival, "member"),
        ("root", realm, "admin"),
    ):
        key = await _key(muxi, tenant, name, role)
        prober = Prober(document, victim, random.Random(f"{seed} {name}"))
        found.append(Stranger(name, tenant, key, prober, muxi, told))
        await found[-1].settle()
    return found


@pytest.mark.ci
async def test_twenty_thousand_probes_are_not_answered(
    muxi: Served, record_property: Record
) -> None:
    await _probe(muxi, 20_000, record_property)


async def test_probes_are_not_answered(tmp_path: Path, record_property: Record) -> None:
    async with served(tmp_path, answer, tools={"pay": pay}, **_DECLARED) as living:
        await _probe(living, 400, record_property)


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_a_million_probes_are_not_answered(muxi: Served, record_property: Record) -> None:
    await _probe(muxi, int(os.environ.get("MUXI_LONG_PROBES", "1_000_000")), record_property)
