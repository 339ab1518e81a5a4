"""Servers that know each user by oneself: whose credentials they see, and who shares a session."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.authorization import Authority, consent, guarded_server
from support.remote import until
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.errors import ConfigError, InvalidInput, NotFound, SecretMissing
from muxi.core.events import ApprovalDecision, ApprovalRequested, Event, ToolCompleted
from muxi.core.messages import ToolCallPart
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Reply

SERVER = Path(__file__).parents[2] / "support" / "http_mcp_server.py"
BACK = "http://127.0.0.1:8914/callback"
ANN, BOB = "anns-token-1234", "bobs-token-5678"


def script(request: ModelRequest) -> Reply | str:
    """A model that calls the tool whose name it is told, and says what came of it."""
    last = request.messages[-1]
    if last.role == "user":
        return Reply(parts=[ToolCallPart(id="c1", name=last.text, arguments={})])
    return "done"


@asynccontextmanager
async def knowing_server(*tokens: str) -> AsyncGenerator[str]:
    """The address of a server in a process of its own that knows these tokens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", str(SERVER), *tokens, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield (await process.stdout.readline()).decode().strip()
    finally:
        process.kill()
        await process.wait()


@asynccontextmanager
async def project(folder: Path, **declared: Any) -> AsyncGenerator[Served]:
    declared.setdefault("identity", {"credentials": {"NOTES": {"title": "Notes"}}})
    agents = {"a": {"name": "a", "tools": ["mcp.*"]}}
    async with served(folder, script, agents=agents, **declared) as found:
        yield found


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    async with knowing_server(ANN, BOB) as url:
        headers = {"Authorization": "Bearer ${user.NOTES}"}
        notes = {"url": url, "headers": headers, "protocol": "legacy"}
        async with project(tmp_path, mcp={"servers": {"notes": notes}}) as found:
            yield found


def of(muxi: Served, user: str) -> Client:
    return Client(muxi.url, token=muxi.token, user=user)


async def events(client: Client, text: str = "notes__whoami") -> list[Event]:
    run = await client.start_run(text)
    return [event async for event in client.events(run.id)]


def result(found: list[Event]) -> str:
    """What the tool, or its error, tells the model."""
    return "".join(e.result.text for e in found if isinstance(e, ToolCompleted))


def asked(found: list[Event]) -> ApprovalRequested:
    return next(event for event in found if isinstance(event, ApprovalRequested))


async def test_each_user_is_known_by_their_own_credential_in_their_own_session(
    muxi: Served,
) -> None:
    async with of(muxi, "ann") as ann, of(muxi, "bob") as bob:
        await ann.credentials.put("NOTES", ANN)
        await bob.credentials.put("NOTES", BOB)
        first = [result(await events(each)) for each in (ann, bob)]
        # All at once, and again: whoever came last is not whom the server knows.
        many = await asyncio.gather(*(events(each) for each in (ann, bob) * 6))

    sessions = {re.sub(r" in .*", "", text): text for text in first}
    assert sorted(sessions) == [ANN, BOB]
    assert sessions[ANN].rpartition(" ")[2] != sessions[BOB].rpartition(" ")[2]
    assert [result(each) for each in many] == [sessions[ANN], sessions[BOB]] * 6


async def test_a_changed_credential_begins_another_session_and_a_deleted_one_ends_it(
    muxi: Served,
) -> None:
    async with of(muxi, "ann") as ann:
        await ann.credentials.put("NOTES", ANN)
        assert result(await events(ann)).startswith(ANN)
        await ann.credentials.put("NOTES", BOB)
        assert result(await events(ann)).startswith(BOB)
        await ann.credentials.delete("NOTES")
        assert asked(await events(ann)).approval.question is not None


async def test_a_user_without_a_credential_is_shown_where_to_bring_it_and_the_call_goes_on(
    muxi: Served,
) -> None:
    async with of(muxi, "bob") as bob, of(muxi, "ann") as ann:
        await bob.credentials.put("NOTES", BOB)
        await events(bob)
        waiting = asked(await events(ann)).approval
        assert waiting.question is not None
        assert waiting.question.url == f"{muxi.url}/credentials"
        assert "`muxi credentials set NOTES`" in waiting.question.message
        await ann.credentials.put("NOTES", ANN)
        run = await ann.resolve(waiting.id, ApprovalDecision(decision="answer"))
        goes_on = [event async for event in ann.events(run.id)]
        assert result(goes_on).startswith(ANN)

        # Whoever says that it is there and it is not, or declines, is told so.
        await ann.credentials.delete("NOTES")
        for decision in ("answer", "deny"):
            waiting = asked(await events(ann)).approval
            run = await ann.resolve(
                waiting.id, ApprovalDecision.model_validate({"decision": decision})
            )
            goes_on = [event async for event in ann.events(run.id)]
            assert result(goes_on) != ""
            assert BOB not in str(goes_on)
            assert (await ann.run(run.id)).status == "completed"


@pytest.mark.ci
async def test_a_credential_that_the_server_refuses_is_asked_for_anew(muxi: Served) -> None:
    async with of(muxi, "bob") as bob, of(muxi, "ann") as ann:
        await bob.credentials.put("NOTES", BOB)
        await events(bob)
        await ann.credentials.put("NOTES", "nobody's")
        question = asked(await events(ann)).approval.question
        assert question is not None
        assert "does not accept your NOTES" in question.message
        assert "nobody's" not in question.message


@pytest.mark.ci
async def test_the_projects_own_credential_stands_in_and_users_still_share_no_session(
    muxi: Served,
) -> None:
    await muxi.runtime.set_secret("NOTES", ANN)
    async with of(muxi, "ann") as ann, of(muxi, "bob") as bob:
        texts = [result(await events(each)) for each in (ann, bob)]
    assert [text.partition(" ")[0] for text in texts] == [ANN, ANN]
    assert texts[0] != texts[1]


async def test_what_is_told_of_a_server_is_about_the_callers_own_connection(muxi: Served) -> None:
    async with of(muxi, "ann") as ann, of(muxi, "bob") as bob:
        await ann.credentials.put("NOTES", ANN)
        await events(ann)
        mine, theirs = await ann.mcp.server("notes"), await bob.mcp.server("notes")
        assert (mine.state, mine.calls, mine.personal) == ("ready", 1, True)
        assert (theirs.state, theirs.calls) == ("idle", 0)
        # What the lock knows is no secret of anybody's.
        assert [each.name for each in theirs.tools] == ["notes__whoami"]
        with pytest.raises(SecretMissing):
            await bob.mcp.restart("notes")


async def test_connections_that_nobody_uses_are_closed(muxi: Served) -> None:
    users = muxi.runtime.mcp.users
    users._idle = 0.05
    async with of(muxi, "ann") as ann:
        await ann.credentials.put("NOTES", ANN)
        assert result(await events(ann)).startswith(ANN)
        await until(lambda: len(users) == 0, 60)
        assert result(await events(ann)).startswith(ANN)


async def test_a_local_server_is_a_process_of_each_user(tmp_path: Path) -> None:
    echo = tmp_path / "echo.py"
    echo.write_text(LOCAL, encoding="utf-8")
    local = {"command": [sys.executable, "-I", str(echo)], "env": {"TOKEN": "${user.NOTES}"}}
    async with (
        project(tmp_path, mcp={"servers": {"local": {**local, "protocol": "legacy"}}}) as muxi,
        of(muxi, "ann") as ann,
        of(muxi, "bob") as bob,
    ):
        await ann.credentials.put("NOTES", ANN)
        await bob.credentials.put("NOTES", BOB)
        told = [result(await events(each, "local__whoami")).split() for each in (ann, bob)]
    assert [each[0] for each in told] == [ANN, BOB]
    # Neither the process nor its home is another user's.
    assert told[0][1] != told[1][1]
    assert told[0][2] != told[1][2]
    left = await asyncio.to_thread(Path(told[0][2]).exists)
    assert not left


async def test_each_user_signs_in_for_oneself_and_nobody_acts_with_anothers_login(
    tmp_path: Path,
) -> None:
    async with guarded_server() as authority, _signed_in_to(tmp_path, authority) as muxi:
        async with of(muxi, "ann") as ann, of(muxi, "bob") as bob:
            assert [(each.name, each.kind) for each in await ann.credentials.list()] == [
                ("mcp.docs", "login")
            ]
            for who in (ann, bob):
                await sign_in(who)
            assert [result(await events(who, "docs__whose")) for who in (ann, bob)] == [
                "access-token-100",
                "access-token-200",
            ]
            await bob.credentials.delete("mcp.docs")
            assert "access-token-200" not in authority.access
            question = asked(await events(bob, "docs__whose")).approval.question
            assert question is not None
            assert "`muxi mcp login docs`" in question.message
            assert result(await events(ann, "docs__whose")) == "access-token-100"
            marks = [(await who.credentials.list())[0].updated_at for who in (ann, bob)]
            assert (marks[0] is None, marks[1] is None) == (False, True)
            with pytest.raises(SecretMissing):
                await bob.credentials.delete("mcp.docs")
        stored = muxi.runtime.state.database.read_bytes()
        assert b"access-token-100" not in stored


async def test_a_login_belongs_to_whoever_began_it(tmp_path: Path) -> None:
    async with (
        guarded_server() as authority,
        _signed_in_to(tmp_path, authority) as muxi,
        of(muxi, "ann") as ann,
        of(muxi, "bob") as bob,
    ):
        page = await ann.credentials.begin_login("docs")
        assert page is not None
        assert f"{muxi.url}/credentials/mcp.docs/login" in str(authority.asked or page).replace(
            "%3A", ":"
        ).replace("%2F", "/")
        answer = await consent(page)
        # A link that was begun by one must not give another's consent to the one.
        with pytest.raises(NotFound):
            await bob.credentials.finish_login("docs", answer)
        with pytest.raises(NotFound):
            await muxi.client.mcp.finish_login("docs", answer)
        assert (await ann.credentials.finish_login("docs", answer)).state == "ready"
        assert (await bob.mcp.server("docs")).state == "idle"


@pytest.mark.ci
async def test_a_login_of_a_user_that_is_revoked_is_asked_for_anew(tmp_path: Path) -> None:
    async with (
        guarded_server() as authority,
        _signed_in_to(tmp_path, authority) as muxi,
        of(muxi, "ann") as ann,
    ):
        await sign_in(ann)
        authority.access.clear()
        authority.refresh.clear()
        assert asked(await events(ann, "docs__whose")).approval.question is not None


async def test_logins_of_the_project_and_of_users_are_not_mixed_up(tmp_path: Path) -> None:
    async with guarded_server() as authority, _signed_in_to(tmp_path, authority) as muxi:
        with pytest.raises(InvalidInput, match="for themselves"):
            await muxi.client.mcp.begin_login("docs", BACK)
        with pytest.raises(NotFound):
            await muxi.client.credentials.begin_login("other", BACK)
        with pytest.raises(InvalidInput):
            await muxi.client.credentials.begin_login("docs", "https://evil.example/callback")


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"tools": {"web_search": {"key": "${user.NOPE}"}}}, "declares no `NOPE`"),
        ({"models": {"m": {"model": "openai/x", "key": "${user.NOTES}"}}}, "in tools and MCP"),
        (
            {"mcp": {"servers": {"s": {"url": "http://h/", "headers": {"X": "${user.NOPE}"}}}}},
            "declares no `NOPE`",
        ),
    ],
)
async def test_a_credential_that_cannot_be_had_is_a_mistake_in_the_file(
    tmp_path: Path, declared: dict[str, Any], words: str
) -> None:
    import yaml

    from muxi.config.load import load_project

    identity = {"credentials": {"NOTES": {}}}
    file = tmp_path / "muxi.yaml"
    file.write_text(yaml.safe_dump({"identity": identity, **declared}), encoding="utf-8")
    with pytest.raises(ConfigError, match=words):
        load_project(file)


@asynccontextmanager
async def _signed_in_to(folder: Path, authority: Authority) -> AsyncGenerator[Served]:
    docs = {"url": f"{authority.url}/mcp", "auth": {"login": "user"}}
    async with project(folder, identity={}, mcp={"servers": {"docs": docs}}) as found:
        yield found


async def sign_in(client: Client) -> None:
    page = await client.credentials.begin_login("docs", BACK)
    assert page is not None
    info = await client.credentials.finish_login("docs", await consent(page))
    assert (info.state, info.detail) == ("ready", "")


LOCAL = """
import json, os, sys
for line in sys.stdin:
    message = json.loads(line)
    method = message.get("method")
    if "id" not in message:
        continue
    said = f"{os.environ['TOKEN']} {os.getpid()} {os.environ['HOME']}"
    result = {
        "initialize": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "local", "version": "1"}},
        "tools/list": {"tools": [{"name": "whoami", "inputSchema": {"type": "object"}}]},
        "tools/call": {"content": [{"type": "text", "text": said}]},
    }.get(method, {})
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""
