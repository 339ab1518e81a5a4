"""Users' own credentials: each run uses its user's own, and nobody sees anybody's."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.context import RunContext
from muxi.core.errors import NotFound, SecretMissing
from muxi.core.events import ApprovalDecision, ApprovalRequested, ToolCompleted
from muxi.core.forgetting import Forget
from muxi.core.identities import User
from muxi.core.record import now
from muxi.core.scope import Scope
from muxi.models.scripted import ModelRequest, Reply, call

DECLARED = {
    "GITHUB_TOKEN": {"title": "GitHub", "help": "https://github.com/settings/tokens"},
    "MAILBOX": {"required": True},
}
used: list[tuple[str, str, str]] = []


async def use(ctx: RunContext[None], name: str) -> str:
    """Use a secret."""
    used.append((ctx.user, name, await ctx.secret(name)))
    return "used"


def answer(request: ModelRequest) -> Reply | str:
    last = request.messages[-1]
    return call("use", name=last.text) if last.role == "user" else "done"


@pytest_asyncio.fixture
async def muxi(storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Served]:
    used.clear()
    agents = {"a": {"name": "a", "tools": ["use"]}}
    declared = {"agents": agents, "identity": {"credentials": DECLARED}, **storage}
    async with served(tmp_path, answer, tools={"use": use}, **declared) as it:
        yield it


def of(muxi: Served, user: str) -> Client:
    return Client(muxi.url, token=muxi.runtime.state.token(), user=user)


async def result(client: Client, name: str) -> Any:
    run = await client.start_run(name)
    events = [event async for event in client.events(run.id)]
    return next(event for event in events if isinstance(event, ToolCompleted)).result


async def test_a_run_uses_the_credential_of_its_user_before_the_projects(muxi: Served) -> None:
    await muxi.runtime.set_secret("GITHUB_TOKEN", "the project's own")
    async with of(muxi, "ann") as ann, of(muxi, "bob") as bob:
        await ann.credentials.put("GITHUB_TOKEN", "ann's very own")
        await result(ann, "GITHUB_TOKEN")
        await result(bob, "GITHUB_TOKEN")
        await ann.credentials.delete("GITHUB_TOKEN")
        await result(ann, "GITHUB_TOKEN")

    assert used == [
        ("ann", "GITHUB_TOKEN", "ann's very own"),
        ("bob", "GITHUB_TOKEN", "the project's own"),
        ("ann", "GITHUB_TOKEN", "the project's own"),
    ]


async def test_what_every_user_must_bring_is_not_taken_from_the_project(muxi: Served) -> None:
    await muxi.runtime.set_secret("MAILBOX", "the project's own")
    async with of(muxi, "ann") as ann:
        run = await ann.start_run("MAILBOX")
        events = [event async for event in ann.events(run.id)]
        waiting = next(e for e in events if isinstance(e, ApprovalRequested)).approval
        assert "muxi credentials set MAILBOX" in waiting.reason
        await ann.credentials.put("MAILBOX", "ann's very own")
        after = await ann.resolve(waiting.id, ApprovalDecision(decision="answer"))
        assert [event async for event in ann.events(after.id)][-1].type == "run.completed"

    assert used == [("ann", "MAILBOX", "ann's very own")]


async def test_users_see_what_they_have_set_and_nothing_of_others(muxi: Served) -> None:
    async with of(muxi, "ann") as ann, of(muxi, "bob") as bob:
        await ann.credentials.put("GITHUB_TOKEN", "ann's very own")

        mine, theirs = await ann.credentials.list(), await bob.credentials.list()
        assert [(each.name, each.title, each.required) for each in mine] == [
            ("GITHUB_TOKEN", "GitHub", False),
            ("MAILBOX", "MAILBOX", True),
        ]
        assert mine[0].updated_at is not None
        assert [each.updated_at for each in theirs] == [None, None]
        assert "very own" not in "".join(each.model_dump_json() for each in mine)
        with pytest.raises(SecretMissing):
            await bob.credentials.delete("GITHUB_TOKEN")
        assert (await ann.credentials.list())[0].updated_at is not None
        (sealed,) = await muxi.runtime.database.read(
            Scope("default", None),
            lambda tx: [bytes(row[0]) for row in tx.raw("SELECT sealed FROM secrets")],
        )
        assert b"very own" not in sealed


async def test_only_what_the_project_asks_for_can_be_brought(muxi: Served) -> None:
    await muxi.runtime.set_secret("DATABASE", "the project's own")
    async with of(muxi, "ann") as ann:
        with pytest.raises(NotFound, match="DATABASE") as refused:
            await ann.credentials.put("DATABASE", "postgresql://evil.example")
        assert "GITHUB_TOKEN" in (refused.value.hint or "")
        await result(ann, "DATABASE")
    assert used == [("ann", "DATABASE", "the project's own")]


async def test_forgetting_a_user_removes_their_credentials(muxi: Served) -> None:
    async with of(muxi, "ann") as ann:
        await ann.credentials.put("GITHUB_TOKEN", "ann's very own")
        await ann.memories.forget(Forget(everything=True))
        assert (await ann.credentials.list())[0].updated_at is None


async def test_a_user_who_is_removed_leaves_no_credential_behind(muxi: Served) -> None:
    users = muxi.runtime.identity.users
    await users.create("default", User(id="ann", created_at=now()))
    async with of(muxi, "ann") as ann:
        await ann.credentials.put("GITHUB_TOKEN", "ann's very own")
        await users.delete("default", "ann")
        await users.create("default", User(id="ann", created_at=now()))
        assert (await ann.credentials.list())[0].updated_at is None


SERVICE = {
    "openapi": "3.1.0",
    "info": {"title": "Notes", "version": "1"},
    "components": {"securitySchemes": {"k": {"type": "apiKey", "in": "header", "name": "X-Key"}}},
    "security": [{"k": []}],
    "paths": {
        "/notes": {
            "get": {"operationId": "notes", "responses": {"200": {"description": "The notes."}}}
        }
    },
}


def ask_service(request: ModelRequest) -> Reply | str:
    last = request.messages[-1]
    if last.role == "user":
        return call("read_api", operation="notes", arguments={})
    return "done"


@pytest_asyncio.fixture
async def service() -> AsyncIterator[tuple[str, list[str]]]:
    """Address of a service, and the keys that it was shown."""
    shown: list[str] = []

    async def notes(request: web.Request) -> web.Response:
        shown.append(request.headers.get("X-Key", ""))
        return web.json_response(["a note"])

    app = web.Application()
    app.router.add_get("/notes", notes)
    async with TestServer(app) as server:
        yield f"http://127.0.0.1:{server.port}", shown


@asynccontextmanager
async def with_service(folder: Path, url: str, **declared: Any) -> AsyncIterator[Served]:
    (folder / "notes.json").write_text(json.dumps(SERVICE), encoding="utf-8")
    api = {"document": "notes.json", "url": url, "key": "${user.NOTES}"}
    tools = {"openapi": {"kind": "openapi", "apis": {"notes": api}}}
    async with served(
        folder,
        ask_service,
        tools=tools,
        agents={"a": {"name": "a", "tools": ["openapi"]}},
        identity={"credentials": {"NOTES": {"help": "Ask the librarian."}}},
        **declared,
    ) as found:
        yield found


async def test_a_built_in_tool_works_with_its_users_own_credential(
    tmp_path: Path, service: tuple[str, list[str]]
) -> None:
    url, shown = service
    async with with_service(tmp_path, url) as muxi, of(muxi, "ann") as ann, of(muxi, "bob") as bob:
        await ann.credentials.put("NOTES", "ann's very own")
        await bob.credentials.put("NOTES", "bob's very own")
        await asyncio.gather(*(result(each, "go") for each in (ann, bob)))
        assert sorted(shown) == ["ann's very own", "bob's very own"]
        shown.clear()
        await ann.credentials.put("NOTES", "another one")
        await result(ann, "go")
        await ann.credentials.delete("NOTES")
        await muxi.runtime.set_secret("NOTES", "the project's own")
        await result(ann, "go")
        assert shown == ["another one", "the project's own"]


async def test_a_built_in_tool_without_its_users_credential_asks_for_it(
    tmp_path: Path, service: tuple[str, list[str]]
) -> None:
    url, shown = service
    async with with_service(tmp_path, url) as muxi, of(muxi, "ann") as ann:
        run = await ann.start_run("go")
        events = [event async for event in ann.events(run.id)]
        waiting = next(e for e in events if isinstance(e, ApprovalRequested)).approval
        assert waiting.question is not None
        assert waiting.question.url == f"{muxi.url}/credentials"
        assert "Ask the librarian." in waiting.question.message
        await ann.credentials.put("NOTES", "ann's very own")
        after = await ann.resolve(waiting.id, ApprovalDecision(decision="answer"))
        assert [event async for event in ann.events(after.id)][-1].type == "run.completed"
        assert shown == ["ann's very own"]


async def test_where_no_page_can_be_shown_the_model_is_told_what_to_say(tmp_path: Path) -> None:
    async with with_service(tmp_path, "http://127.0.0.1:1") as muxi, of(muxi, "ann") as ann:
        muxi.runtime.credentials.page = None
        told = (await result(ann, "go")).model_dump_json()
        assert "NOTES: this needs a credential of your own." in told
        assert "`muxi credentials set NOTES`" in told
