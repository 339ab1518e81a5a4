"""`/mcp` as a resource that OAuth protects: where tokens are had, and which are good there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio
from support.issuer import CLIENT, Issuer, SigningKey, issuing
from support.served import Served, served

_INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


@pytest_asyncio.fixture
async def muxi(issuer: Issuer, tmp_path: Path) -> AsyncIterator[Served]:
    company = {"issuer": issuer.url, "client_id": CLIENT[0], "create_users": True}
    async with served(tmp_path, lambda _: "hello", identity={"oidc": {"company": company}}) as it:
        yield it


async def ask(muxi: Served, token: str | None, path: str = "/mcp") -> tuple[int, str]:
    """The status of a first message, and where its refusal says that tokens are to be had."""
    headers = {"Accept": "application/json, text/event-stream"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    async with (
        aiohttp.ClientSession() as stranger,
        stranger.post(f"{muxi.url}{path}", json=_INITIALIZE, headers=headers) as response,
    ):
        return response.status, response.headers.get("WWW-Authenticate", "")


async def test_whoever_has_no_token_is_told_where_to_get_one(issuer: Issuer, muxi: Served) -> None:
    place = f"{muxi.url}/.well-known/oauth-protected-resource/mcp"
    assert await ask(muxi, None) == (401, f'Bearer resource_metadata="{place}"')
    status, challenge = await ask(muxi, "nonsense")
    assert (status, challenge) == (
        401,
        f'Bearer error="invalid_token", resource_metadata="{place}"',
    )
    for address in (place, place.removesuffix("/mcp")):
        async with aiohttp.ClientSession() as stranger, stranger.get(address) as response:
            assert response.status == 200
            told: dict[str, Any] = await response.json()
        assert told == {
            "resource": f"{muxi.url}/mcp",
            "resource_name": told["resource_name"],
            "authorization_servers": [issuer.url],
            "bearer_methods_supported": ["header"],
        }
    # What is no protected resource is refused as ever.
    assert await ask(muxi, None, "/api/runs") == (401, "Bearer")


async def test_a_token_for_this_server_opens_it_and_nothing_else(
    issuer: Issuer, muxi: Served
) -> None:
    token = issuer.token(aud=f"{muxi.url}/mcp", sub="u-1", preferred_username="ana")
    assert (await ask(muxi, token))[0] == 200
    assert (await ask(muxi, token, "/api/runs"))[0] == 401
    assert (await muxi.runtime.identity.users.get("default", "ana")).id == "ana"


async def test_tokens_that_are_for_others_expired_or_forged_are_refused(
    issuer: Issuer, muxi: Served
) -> None:
    own = f"{muxi.url}/mcp"
    bad = {
        "for another server": issuer.token(aud="https://other.example/mcp"),
        "for this server as a client": issuer.token(aud=CLIENT[0]),
        "for its root": issuer.token(aud=muxi.url),
        "for nobody": issuer.token(aud=None),
        "expired": issuer.token(aud=own, iat=1_000, exp=2_000),
        "an ID token": issuer.token(aud=own, nonce="n"),
        "bound to a key": issuer.token(aud=own, cnf={"jkt": "x"}),
        "of a key of nobody's": SigningKey("first").sign(issuer.claims(aud=own)),
        "of another issuer": issuer.token(aud=own, iss="https://other.example"),
    }
    found = {name: (await ask(muxi, token))[0] for name, token in bad.items()}
    assert found == dict.fromkeys(bad, 401)


async def test_a_server_without_issuers_protects_itself_by_keys_alone(tmp_path: Path) -> None:
    async with served(tmp_path, lambda _: "hello") as muxi:
        assert await ask(muxi, None) == (401, "Bearer")
        place = f"{muxi.url}/.well-known/oauth-protected-resource/mcp"
        async with aiohttp.ClientSession() as stranger, stranger.get(place) as response:
            assert response.status == 404
        assert (await ask(muxi, muxi.token))[0] == 200
