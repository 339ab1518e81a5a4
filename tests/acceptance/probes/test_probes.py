"""Probes across users and tenants, over every route of the description: none is answered."""

from __future__ import annotations

import json
import os
import random
import re
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.caller import DEFAULT_TENANT
from muxi.core.events import RunSuspended
from muxi.core.identities import User
from muxi.core.record import now
from muxi.models.scripted import ModelRequest, Reply, call

MARK = "heliotrope-parrot"
"""Stands in all that the victim has, and nowhere else."""
NEVER = {"/api/events", "/api/chat/{id}/stream"}
"""Streams without an end of their own."""


# Nothing is remembered afterwards: what the victim has is to stay as it is.
_DECLARED: dict[str, Any] = {
    "agents": {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}},
    "memory": {"embedder": "none", "remember": False},
}


def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


def answer(request: ModelRequest) -> Reply | str:
    said = request.messages[-1].text
    return call("pay", amount=1) if "pay" in said else "Yes."


@pytest.fixture(params=["sqlite", "postgresql"])
async def muxi(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    declared = dict(_DECLARED)
    if request.param == "postgresql":
        address: PostgresAddress = request.getfixturevalue("postgres_database")
        declared["storage"] = {"url": address.url, "owner_url": address.owner_url}
    async with served(tmp_path, answer, tools={"pay": pay}, **declared) as living:
        yield living


async def _key(muxi: Served, tenant: str, user: str) -> str:
    identity = muxi.runtime.identity
    await identity.users.create(tenant, User(id=user, roles=["member"], created_at=now()))
    return (await identity.keys.create(tenant, user)).key


async def _victim(client: Client) -> list[str]:
    """Let the victim have one of everything; gives all ids."""
    run = await client.start_run(f"The {MARK} sings.")
    async for _ in client.events(run.id):
        pass
    asking = await client.start_run(f"pay for the {MARK}")
    last = [event async for event in client.events(asking.id)][-1]
    assert isinstance(last, RunSuspended)
    memory = await client.memories.add(f"My {MARK} is green.")
    await client.facts.put("pet", MARK)
    (fact,) = (await client.facts.page("pet")).items
    document = await client.knowledge.add(text=f"On the {MARK}.", owner="user")
    file = await client.files.send(f"A letter to the {MARK}.".encode())
    messages = await client.messages(run.thread_id)
    ids = [run.id, run.thread_id, asking.id, asking.thread_id, last.approvals[0].id]
    ids += [memory.id, fact.id, document.id, file.id, *(each.id for each in messages)]
    return [*ids, "ann", "user:ann", DEFAULT_TENANT]


async def _all_of(client: Client) -> str:
    """What the victim is shown of their own."""
    told: list[Any] = [
        (await client.threads()).items,
        (await client.memories.page()).items,
        (await client.facts.page()).items,
        (await client.approvals()).items,
    ]
    return repr(told)


class Prober:
    """Makes requests of the description, with ids that belong to somebody else."""

    def __init__(self, document: dict[str, Any], ids: list[str], chance: random.Random) -> None:
        self._ids, self._chance = ids, chance
        self._routes = [
            (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
            if path not in NEVER and not path.startswith(("/login", "/logout", "/api/logout"))
        ]

    def request(self) -> tuple[str, str, dict[str, str], bytes]:
        """Method, target, headers and body of the next probe."""
        chance = self._chance
        method, path, operation = chance.choice(self._routes)
        target = re.sub(r"\{\w+\}", lambda _: quote(self._id(), safe=""), path)
        named = {each.get("name"): each for each in operation.get("parameters", ())}
        query = {
            name: self._id()
            for name, each in named.items()
            if each.get("in") == "query" and chance.random() < 0.4
        }
        headers = {"content-type": "application/json"}
        if chance.random() < 0.1:
            headers["x-muxi-user"] = "ann"
        if chance.random() < 0.1:
            headers["x-muxi-tenant"] = DEFAULT_TENANT
        body = {name: self._id() for name in chance.sample(_MEMBERS, chance.randint(0, 3))}
        target += f"?{urlencode(query)}" if query else ""
        return method, target, headers, json.dumps(body).encode()

    def _id(self) -> str:
        found = self._chance.choice(self._ids)
        if self._chance.random() < 0.05:
            found = found[:-1] + self._chance.choice(["%", "0", "_", "'", "\0"])
        return found


_MEMBERS = ["input", "thread_id", "parent_id", "owner", "id", "run_id", "agent", "text", "user"]


async def _reaches(muxi: Served, key: str, prober: Prober) -> bool:
    """Whether probes that only look find what the owner of the key has. About one in fifty does."""
    looks = (probe for probe in iter(prober.request, None) if probe[0] == "GET")
    for probe in islice(looks, 5_000):
        if MARK.encode() in await _ask(muxi, key, probe):
            return True
    return False


async def _ask(muxi: Served, key: str, probe: tuple[str, str, dict[str, str], bytes]) -> bytes:
    """What the server says to a probe, without a network between."""
    method, target, headers, body = probe
    path, _, query = target.partition("?")
    host = muxi.url.removeprefix("http://")
    sent = {"host": host, "authorization": f"Bearer {key}", **headers}
    scope = {
        "type": "http",
        "method": method,
        "path": _unquoted(path),
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
        "scheme": "http",
        "server": ("127.0.0.1", int(host.rpartition(":")[2])),
        "client": ("127.0.0.1", 1),
        "http_version": "1.1",
    }
    told: list[bytes] = []
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> dict[str, Any]:
        return waiting.pop() if waiting else {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] != 500, (method, target, body)
        told.append(message.get("body", b""))

    await muxi.server.app(scope, receive, send)  # pyright: ignore[reportArgumentType] -- plain dictionaries, as a server hands them over
    return b"".join(told)


def _unquoted(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


async def _probe(muxi: Served, probes: int) -> None:
    ann = await _key(muxi, DEFAULT_TENANT, "ann")
    await muxi.runtime.identity.tenants.create("rival", None)
    strangers = {
        "another user": await _key(muxi, DEFAULT_TENANT, "bob"),
        "another tenant": await _key(muxi, "rival", "eve"),
        # Of the same name: an id of a user means nothing outside of a tenant.
        "a namesake": await _key(muxi, "rival", "ann"),
    }
    seed = int(os.environ.get("MUXI_PROBES_SEED", random.randrange(2**32)))
    async with (
        Client(muxi.url, token=ann) as client,
        muxi.http.get(f"{muxi.url}/openapi.json") as response,
    ):
        ids = await _victim(client)
        prober = Prober(await response.json(), ids, random.Random(seed))
        before = await _all_of(client)
        assert MARK in before
        for number in range(probes):
            who, key = list(strangers.items())[number % len(strangers)]
            probe = prober.request()
            told = await _ask(muxi, key, probe)
            assert MARK.encode() not in told, (seed, who, probe, told[:500])
        assert await _all_of(client) == before, seed
        # The same probes are answered to whom these things belong: they do reach them.
        assert await _reaches(muxi, ann, prober), seed


@pytest.mark.ci
async def test_twenty_thousand_probes_are_not_answered(muxi: Served) -> None:
    await _probe(muxi, 20_000)


async def test_probes_are_not_answered(tmp_path: Path) -> None:
    async with served(tmp_path, answer, tools={"pay": pay}, **_DECLARED) as living:
        await _probe(living, 400)


@pytest.mark.long
@pytest.mark.timeout(7200)
async def test_a_million_probes_are_not_answered(muxi: Served) -> None:
    await _probe(muxi, 1_000_000)
