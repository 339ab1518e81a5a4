"""Users' own credentials: each run uses its user's own, and nobody sees anybody's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.context import RunContext
from muxi.core.errors import NotFound, SecretMissing
from muxi.core.events import ToolCompleted
from muxi.core.forgetting import Forget
from muxi.core.identities import User
from muxi.core.record import now
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
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    used.clear()
    agents = {"a": {"name": "a", "tools": ["use"]}}
    identity = {"credentials": DECLARED}
    async with served(tmp_path, answer, tools={"use": use}, agents=agents, identity=identity) as it:
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
        refused = await result(ann, "MAILBOX")
        await ann.credentials.put("MAILBOX", "ann's very own")
        await result(ann, "MAILBOX")

    assert "muxi credentials set MAILBOX" in refused.model_dump_json()
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
        stored = muxi.runtime.state.database.read_bytes()
        assert b"very own" not in stored


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
