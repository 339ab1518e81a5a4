"""Signing in to a remote server: begun, granted, kept, renewed, refused, revoked."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from support.authorization import Authority, consent, guarded_server
from support.served import Served, served

from muxi.core.context import RunContext
from muxi.core.errors import Conflict, InvalidInput, LoginNeeded, NotFound, ServerUnavailable
from muxi.core.events import ToolCompleted
from muxi.core.mcp_login import LoginAnswer
from muxi.core.messages import ToolCallPart
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Reply

BACK = "http://127.0.0.1:8914/callback"


def script(request: ModelRequest) -> Reply | str:
    """A model that calls the tool if it has it, and says what came of it."""
    last = request.messages[-1]
    names = [spec.name for spec in request.tools]
    if last.role == "user" and "docs__hello" in names:
        return Reply(parts=[ToolCallPart(id="c1", name="docs__hello", arguments={})])
    return "done"


@asynccontextmanager
async def project(folder: Path, authority: Authority, **declared: Any) -> AsyncGenerator[Served]:
    docs = {"url": f"{authority.url}/mcp", **declared}
    agents = {"a": {"name": "a", "tools": ["mcp.docs"]}}
    async with served(folder, script, agents=agents, mcp={"servers": {"docs": docs}}) as found:
        yield found


@pytest.fixture
async def authority() -> AsyncGenerator[Authority]:
    async with guarded_server() as found:
        yield found


async def sign_in(project: Served) -> None:
    page = await project.client.mcp.begin_login("docs", BACK)
    assert page is not None
    info = await project.client.mcp.finish_login("docs", await consent(page))
    assert (info.state, info.detail) == ("ready", "")


async def told(project: Served) -> str:
    """What the tool, or its error, tells the model."""
    _, events = await project.answer("say hello")
    calls = [event for event in events if isinstance(event, ToolCompleted)]
    return "".join(str(event.model_dump()) for event in calls)


def auth_of(project: Served) -> Any:
    """What puts the credentials on requests; how it judges the time is changed through it."""
    target: Any = project.runtime.mcp.servers.connection("docs").target
    return target._auth


async def test_a_login_makes_the_tools_of_a_server_usable(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        assert await told(found) == ""
        info = await found.client.mcp.server("docs")
        assert "asks for a login" in info.detail
        assert "`muxi mcp login docs`" in info.detail
        await sign_in(found)
        assert "hello" in await told(found)


async def test_what_the_specification_demands_of_a_login_is_sent(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        page = await found.client.mcp.begin_login("docs", BACK)
        assert page is not None
        assert "code_challenge_method=S256" in page
        (client,) = authority.clients.values()
        assert (client.client_name, [str(uri) for uri in client.redirect_uris or ()]) == (
            "muxi",
            [BACK],
        )
        await found.client.mcp.finish_login("docs", await consent(page))
        (asked,) = authority.asked
        assert asked.resource == f"{authority.url}/mcp"
        assert asked.scopes == ["notes"]


async def test_a_login_is_kept_sealed_and_outlives_the_process(
    tmp_path: Path, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "muxi")
    async with project(tmp_path, authority) as found:
        await sign_in(found)
        assert await found.client.secrets.names() == ["mcp.docs.login"]
    async with project(tmp_path, authority) as found:
        assert "hello" in await told(found)
    stored = b"".join(file.read_bytes() for file in (tmp_path / ".muxi").glob("muxi.db*"))
    assert b"access-token" not in stored
    assert "access-token" not in caplog.text
    assert len(authority.asked) == 1


async def test_a_token_is_renewed_before_it_ends_and_nobody_is_asked(
    tmp_path: Path, authority: Authority
) -> None:
    authority.lifetime = 40
    async with project(tmp_path, authority) as found:
        await sign_in(found)
        auth_of(found).grant.expires_at = time.time() + 3
        authority.lifetime = 3600
        assert "hello" in await told(found)
        assert (authority.refreshed, len(authority.asked)) == (1, 1)
    async with project(tmp_path, authority) as found:
        assert "hello" in await told(found)
        assert (authority.refreshed, len(authority.asked)) == (1, 1)


async def test_a_token_that_ended_while_muxi_was_off_is_renewed_at_the_next_start(
    tmp_path: Path, authority: Authority
) -> None:
    authority.lifetime = 1
    async with project(tmp_path, authority) as found:
        await sign_in(found)
    authority.lifetime = 3600
    authority.access.clear()
    async with project(tmp_path, authority) as found:
        assert "hello" in await told(found)
        assert len(authority.asked) == 1


async def test_a_token_that_was_revoked_is_renewed_once_and_then_a_person_is_asked(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        await sign_in(found)
        authority.access.clear()
        assert "hello" in await told(found)
        assert authority.refreshed == 1
        authority.access.clear()
        authority.refresh.clear()
        words = await told(found)
        assert "asks for a login" in words
        assert "`muxi mcp login docs`" in words
        await sign_in(found)
        assert "hello" in await told(found)


async def test_a_token_outlives_an_authorization_server_that_is_away_for_a_while(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        await sign_in(found)
        auth_of(found).grant.expires_at = time.time() + 50  # near enough to be renewed
        authority.away = True
        assert "hello" in await told(found)
        assert authority.refreshed == 0


async def test_a_call_that_needs_more_rights_says_so_and_the_next_login_asks_for_them(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        await sign_in(found)
        authority.wanted_scope = "admin"
        words = await told(found)
        assert "asks for more rights: admin" in words
        (client,) = authority.clients.values()
        client.scope = "notes admin"
        await sign_in(found)
        assert sorted(authority.asked[-1].scopes or ()) == ["admin", "notes"]
        assert "hello" in await told(found)


async def test_a_logout_revokes_and_forgets_the_login(tmp_path: Path, authority: Authority) -> None:
    async with project(tmp_path, authority) as found:
        await sign_in(found)
        await found.client.mcp.log_out("docs")
        assert authority.access == authority.refresh == {}
        assert await found.client.secrets.names() == []
        assert "asks for a login" in await told(found)
        await found.client.mcp.log_out("docs")


async def test_a_login_for_one_address_is_not_shown_to_another(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        await sign_in(found)
    async with guarded_server() as other, project(tmp_path, other) as found:
        await told(found)
        assert "asks for a login" in (await found.client.mcp.server("docs")).detail


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (LoginAnswer(error="access_denied"), "access_denied"),
        (LoginAnswer(error="x", error_description="You may not."), "You may not"),
        (LoginAnswer(code="code-1", state="forged"), "State parameter mismatch"),
        (LoginAnswer(code="code-1"), "State parameter mismatch"),
        (LoginAnswer(), "no code came back"),
    ],
)
async def test_an_answer_that_grants_nothing_ends_the_login(
    tmp_path: Path, authority: Authority, answer: LoginAnswer, words: str
) -> None:
    async with project(tmp_path, authority) as found:
        assert await found.client.mcp.begin_login("docs", BACK)
        with pytest.raises(LoginNeeded, match=words):
            await found.client.mcp.finish_login("docs", answer)
        assert await found.client.secrets.names() == []
        with pytest.raises(NotFound, match="No login"):
            await found.client.mcp.finish_login("docs", answer)


async def test_a_forged_code_is_refused_by_the_authorization_server(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        page = await found.client.mcp.begin_login("docs", BACK)
        answer = await consent(page or "")
        forged = answer.model_copy(update={"code": "code-99"})
        with pytest.raises(LoginNeeded, match="Token exchange failed"):
            await found.client.mcp.finish_login("docs", forged)


async def test_a_second_login_takes_the_place_of_one_that_waits(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        first = await found.client.mcp.begin_login("docs", BACK)
        second = await found.client.mcp.begin_login("docs", BACK)
        with pytest.raises((LoginNeeded, Conflict), match="State parameter mismatch"):
            await found.client.mcp.finish_login("docs", await consent(first or ""))
        assert second != first
        await sign_in(found)


async def test_a_login_to_what_wants_none_or_is_not_there_is_told(
    tmp_path: Path, authority: Authority
) -> None:
    local = {"command": ["true"]}
    given = {"url": f"{authority.url}/mcp", "headers": {"Authorization": "Bearer access"}}
    away = {"url": "http://127.0.0.1:9/mcp"}
    plain = {"url": "http://mcp.example/mcp"}
    servers = {"local": local, "given": given, "away": away, "plain": plain}
    async with served(tmp_path, script, mcp={"servers": servers}) as found:
        for name, error, words in (
            ("nobody", NotFound, "There is no MCP server nobody"),
            ("local", InvalidInput, "is a local server"),
            ("given", InvalidInput, "by `headers`"),
            ("away", ServerUnavailable, "cannot be reached"),
            ("plain", LoginNeeded, "not reached over HTTPS"),
        ):
            with pytest.raises(error, match=words):
                await found.client.mcp.begin_login(name, BACK)
        with pytest.raises(InvalidInput, match="redirect_url"):
            await found.client.mcp.begin_login("given", "https://evil.example/callback")


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "does not support PKCE"),
        ({"code_challenge_methods_supported": None}, "does not support PKCE"),
        ({"token_endpoint": "http://login.example/token"}, "not reached over HTTPS"),
        ({"authorization_endpoint": "http://login.example/"}, "not reached over HTTPS"),
        ({"issuer": "https://elsewhere.example"}, "issuer mismatch"),
    ],
)
async def test_an_authorization_server_that_is_not_safe_to_use_is_not_used(
    tmp_path: Path, authority: Authority, claims: dict[str, Any], words: str
) -> None:
    authority.claims = claims
    async with project(tmp_path, authority) as found:
        with pytest.raises(LoginNeeded, match=words):
            await found.client.mcp.begin_login("docs", BACK)


async def test_calls_with_one_login_pass_beside_each_other(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        await sign_in(found)
        servers = found.runtime.mcp.servers
        toolset = servers.toolset([("docs", "*")])
        ctx: RunContext[Any] = RunContext(deps=None)
        await toolset.specs(ctx)
        await asyncio.gather(*(toolset.call("docs__meet", {}, ctx) for _ in range(5)))
        assert authority.most_waiting > 1


def robot(authority: Authority, password: str = "very secret") -> dict[str, Any]:
    """How a project signs in without a person."""
    authority.claims = {"token_endpoint": f"{authority.url}/machine/token"}
    issuer = authority.url
    return {
        "grant": "client", "client_id": "robot", "client_secret": password, "issuer": issuer,
    }  # fmt: skip


async def test_a_client_with_a_password_of_its_own_needs_no_person(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority, auth=robot(authority)) as found:
        assert "hello" in await told(found)
        assert "hello" in await told(found)
        assert (authority.refreshed, authority.asked) == (1, [])
        auth_of(found)._patience = 0
        authority.access.clear()
        assert "hello" in await told(found)
        assert authority.refreshed == 2
        with pytest.raises(InvalidInput, match="signs in to docs by itself"):
            await found.client.mcp.begin_login("docs", BACK)


async def test_a_client_whose_password_is_wrong_is_told_what_to_check(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority, auth=robot(authority, "wrong one")) as found:
        await told(found)
        detail = (await found.client.mcp.server("docs")).detail
        assert "Signing in to the MCP server docs failed" in detail
        assert "invalid_client" in detail
        assert "`mcp.servers.docs.auth`" in detail
        assert "wrong one" not in detail


async def test_a_password_is_shown_to_no_other_authorization_server(
    tmp_path: Path, authority: Authority
) -> None:
    auth = {**robot(authority), "issuer": "https://elsewhere.example"}
    async with project(tmp_path, authority, auth=auth) as found:
        await told(found)
        assert "elsewhere.example" in (await found.client.mcp.server("docs")).detail
        assert authority.refreshed == 0


async def test_a_project_ends_while_a_login_waits_for_a_person(
    tmp_path: Path, authority: Authority
) -> None:
    async with project(tmp_path, authority) as found:
        assert await found.client.mcp.begin_login("docs", BACK)
        before = time.monotonic()
    assert time.monotonic() - before < 60


async def test_the_authorization_server_of_an_own_client_is_the_only_one_that_sees_its_secret(
    tmp_path: Path, authority: Authority
) -> None:
    auth = {
        "client_id": "mine",
        "client_secret": "very secret",
        "issuer": "https://elsewhere.example",
    }
    async with project(tmp_path, authority, auth=auth) as found:
        with pytest.raises(LoginNeeded, match="where mine is not registered"):
            await found.client.mcp.begin_login("docs", BACK)
