"""Who may do what, at every door and inside of runs; and that no route is without a policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.actions import ACTIONS
from muxi.core.caller import DEFAULT_TENANT, LOCAL_CALLER
from muxi.core.errors import AccessDenied, Conflict
from muxi.core.events import ApprovalDecision, RunSuspended
from muxi.core.identities import User
from muxi.core.messages import ToolResultPart
from muxi.core.policies import PolicyRule, Role
from muxi.core.record import now
from muxi.models.scripted import ModelRequest, Reply, call
from muxi.server.openapi import describe
from muxi.server.realtime.commands import COMMANDS
from muxi.server.table import all_operations

AGENTS = {"a": {"name": "a", "tools": ["pay"]}, "b": {"name": "b"}}
OPEN = {
    "/healthz",
    "/readyz",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
}
"""What answers whoever asks: health, and where tokens for `/mcp` are had. The pages of signing in
look at what is shown to them."""


def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


def answer(request: ModelRequest) -> Reply | str:
    last = request.messages[-1]
    results = [part.text for part in last.parts if isinstance(part, ToolResultPart)]
    if results:
        return f"I was told: {results[0]}"
    return call("pay", amount=1) if "pay" in last.text else f"You said: {last.text}"


@pytest.fixture
async def muxi(storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, answer, tools={"pay": pay}, agents=AGENTS, **storage) as living:
        yield living


async def key_of(muxi: Served, user: str, *roles: str, scopes: list[str] | None = None) -> str:
    """A key of a user with these roles, who is made for it."""
    identity = muxi.runtime.identity
    await identity.users.create(DEFAULT_TENANT, User(id=user, roles=list(roles), created_at=now()))
    return (await identity.keys.create(DEFAULT_TENANT, user, scopes=scopes)).key


async def _said(client: Client, text: str, **where: Any) -> str:
    """What the agent says to `text`."""
    run = await client.start_run(text, **where)
    async for _ in client.events(run.id):
        pass
    return (await client.messages(run.thread_id))[-1].text


def test_every_route_has_a_policy():
    opened = {each.path for each in all_operations() if each.open}
    assert {path for path in opened if not path.startswith("/login")} == OPEN
    without = [each for each in all_operations() if not each.action and not each.open]
    # Whoever has signed in may look at themselves and sign out.
    assert all(each.anyone for each in without)
    assert {each.path for each in without} == {"/api/files", "/api/logout", "/api/me", "/logout"}
    assert {each.method for each in without if each.path == "/api/files"} == {"OPTIONS"}
    assert {each.action for each in all_operations() if each.action} <= ACTIONS.keys()
    # What is described beside the table asks for one too.
    asked = {(each.path, each.method.lower()) for each in all_operations()}
    described = {
        (path, method)
        for path, methods in describe(all_operations())["paths"].items()
        for method in methods
    }
    assert described - asked == {("/mcp", method) for method in ("post", "get", "delete")}


def test_every_command_of_a_socket_has_a_policy():
    asked = {name: kind.action for name, kind in COMMANDS.items()}
    assert {name for name, action in asked.items() if action is None} <= {
        "ping",
        "renew",
        "unsubscribe",
    }
    assert {action for action in asked.values() if action} <= ACTIONS.keys()


async def test_everything_that_mcp_offers_has_a_policy(muxi: Served):
    from muxi.server.mcp.project import ProjectSurface

    surface = ProjectSurface(muxi.runtime)
    asked: Any = SimpleNamespace(caller=LOCAL_CALLER, who=LOCAL_CALLER.scope)
    tools = await surface.tools(asked)
    assert len(tools) > len(AGENTS)
    assert all(tool.needs(asked) for tool in tools)
    assert {action for tool in tools for action, _ in tool.needs(asked)} <= ACTIONS.keys()
    nobody = replace(LOCAL_CALLER, user="eve", roles=frozenset())
    assert not await surface.tools(SimpleNamespace(caller=nobody, who=nobody.scope))  # pyright: ignore[reportArgumentType] -- all of a call that is looked at


async def test_a_key_without_scopes_reaches_no_route(muxi: Served):
    key = await key_of(muxi, "eve", "admin", scopes=[])
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answered: list[tuple[str, str, int]] = []
    async with aiohttp.ClientSession(headers=headers) as http:
        for each in all_operations():
            if each.open or not each.action:
                continue
            path = each.path.replace("{", "").replace("}", "")
            async with http.request(each.method, muxi.url + path, data=b"{}") as response:
                if response.status not in (400, 403, 415, 422):
                    answered.append((each.method, each.path, response.status))
        for method in ("POST", "GET", "DELETE"):
            async with http.request(method, f"{muxi.url}/mcp", data=b"{}") as response:
                assert response.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(f"{muxi.url}/ws")
        assert refused.value.status == 403
    assert answered == []


async def test_a_key_cannot_do_more_than_its_scopes(muxi: Served):
    scopes = ["runs.*", "threads.read", "agents.use:b"]
    key = await key_of(muxi, "ann", "admin", scopes=scopes)
    async with Client(muxi.url, token=key) as client:
        assert await _said(client, "Hello", agent="b") == "You said: Hello"
        with pytest.raises(AccessDenied, match="beyond its scopes"):
            await client.start_run("Hello", agent="a")
        for asked in (client.secrets.names, client.users.page, client.audit.head):
            with pytest.raises(AccessDenied):
                await asked()
        with pytest.raises(AccessDenied):
            await client.create_thread()


async def test_a_key_without_leave_for_tools_has_none_called_in_its_runs(muxi: Served):
    scopes = ["runs.*", "threads.*", "agents.use"]
    key = await key_of(muxi, "ann", "member", scopes=scopes)
    async with Client(muxi.url, token=key) as client:
        said = await _said(client, "pay", agent="a")
    assert "paid" not in said
    assert "beyond its scopes" in said
    entries = (await muxi.client.audit.page(outcome="refused")).items
    assert ("ann", "tools.use", "pay") in [(e.actor, e.action, e.resource) for e in entries]


async def test_a_policy_holds_from_the_moment_when_it_is_stored(muxi: Served):
    key = await key_of(muxi, "ann", "member")
    async with Client(muxi.url, token=key) as client:
        assert await _said(client, "pay", agent="a") == "I was told: paid 1"
        rule = PolicyRule(
            name="no-pay",
            effect="deny",
            permissions=["tools.use:p*"],
            users=["ann"],
            agents=["a"],
            reason="Ann spends too much.",
        )
        await muxi.client.rules.put_policy(rule)
        assert "Ann spends too much." in await _said(client, "pay", agent="a")
        decision = await client.rules.can("tools.use", "pay", agent="a")
        assert (decision.allowed, decision.reason) == (False, "Ann spends too much.")
        assert decision.because == ["tools.use:p*, denied by the policy no-pay"]
        await muxi.client.rules.delete_policy("no-pay")
        assert await _said(client, "pay", agent="a") == "I was told: paid 1"


async def test_what_somebody_else_may_do_is_told_to_who_may_read_users(muxi: Served):
    key = await key_of(muxi, "ann", "viewer")
    assert not (await muxi.client.rules.can("runs.start", user="ann")).allowed
    async with Client(muxi.url, token=key) as client:
        with pytest.raises(AccessDenied):
            await client.rules.can("runs.start", user="local")


async def test_a_role_of_ones_own_can_be_made_and_borne(muxi: Served):
    desk = Role(name="desk", includes=["viewer"], allow=["runs.*", "agents.use:b"])
    assert (await muxi.client.rules.put_role(desk)).source == "database"
    key = await key_of(muxi, "ann", "desk")
    async with Client(muxi.url, token=key) as client:
        assert await _said(client, "Hello", agent="b") == "You said: Hello"
        with pytest.raises(AccessDenied):
            await client.start_run("Hello", agent="a")
        with pytest.raises(AccessDenied):
            await client.rules.put_role(Role(name="more", allow=["*"]))
    with pytest.raises(Conflict):
        await muxi.client.rules.put_role(Role(name="admin", allow=[]))


async def test_nobody_gives_away_what_they_do_not_have(muxi: Served):
    await muxi.client.rules.put_role(Role(name="boss", allow=["roles.*", "runs.*"]))
    key = await key_of(muxi, "ann", "boss")
    async with Client(muxi.url, token=key) as client:
        await client.rules.put_role(Role(name="runner", allow=["runs.start"]))
        for role in (Role(name="x", allow=["secrets.read"]), Role(name="x", includes=["admin"])):
            with pytest.raises(AccessDenied):
                await client.rules.put_role(role)


async def test_a_member_does_not_write_what_all_share(muxi: Served):
    key = await key_of(muxi, "ann", "member")
    async with Client(muxi.url, token=key) as client:
        assert (await client.memories.add("I like tea.")).owner == "user:ann"
        with pytest.raises(AccessDenied):
            await client.memories.add("Everybody likes tea.", owner="tenant")
        await client.facts.put("drink", "tea")
        with pytest.raises(AccessDenied):
            await client.facts.put("drink", "tea", owner="agent:a")


async def test_a_run_goes_on_with_what_its_user_may_do_then(
    storage: dict[str, Any], tmp_path: Path
):
    agents = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
    async with served(tmp_path, answer, tools={"pay": pay}, agents=agents, **storage) as muxi:
        key = await key_of(muxi, "ann", "member")
        async with Client(muxi.url, token=key) as client:
            run = await client.start_run("pay")
            last = [event async for event in client.events(run.id)][-1]
            assert isinstance(last, RunSuspended)
    async with served(tmp_path, answer, tools={"pay": pay}, agents=agents, **storage) as muxi:
        rule = PolicyRule(name="no", effect="deny", permissions=["tools.use"], users=["ann"])
        await muxi.client.rules.put_policy(rule)
        async with Client(muxi.url, token=key) as client:
            (asked,) = (await client.approvals(run.id)).items
            await client.resolve(asked.id, ApprovalDecision(decision="approve"))
            async for _ in client.events(run.id):
                pass
            said = (await client.messages(run.thread_id))[-1].text
        assert "paid" not in said


async def test_a_run_of_a_revoked_key_does_not_go_on(storage: dict[str, Any], tmp_path: Path):
    agents = {"a": {"name": "a", "tools": ["pay"], "approve": ["pay"]}}
    async with served(tmp_path, answer, tools={"pay": pay}, agents=agents, **storage) as muxi:
        key = await key_of(muxi, "ann", "member")
        async with Client(muxi.url, token=key) as client:
            run = await client.start_run("pay")
            assert isinstance([e async for e in client.events(run.id)][-1], RunSuspended)
            (mine,) = (await client.keys.page()).items
            (asked,) = (await client.approvals(run.id)).items
        await muxi.client.keys.revoke(mine.id)
        async with Client(muxi.url, token=muxi.token, user="ann") as admin:
            with pytest.raises(AccessDenied):
                await admin.resolve(asked.id, ApprovalDecision(decision="approve"))


async def test_what_is_done_is_entered_and_what_is_said_is_not(muxi: Served):
    run = await muxi.client.start_run("My secret is 12345", agent="b")
    await muxi.follow(run.id)
    await muxi.client.memories.add("Nobody may know of 12345.")
    entries = (await muxi.client.audit.page()).items
    assert [each.action for each in entries] == ["memories.write", "runs.start"]
    begun = entries[1]
    assert (begun.actor, begun.credential, begun.outcome) == ("local", "local", "done")
    assert begun.details["run_id"] == run.id
    assert "12345" not in "".join(each.model_dump_json() for each in entries)
