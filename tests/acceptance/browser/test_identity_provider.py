"""People sign in with a real OpenID provider in a real browser, and programs with its tokens."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urljoin, urlsplit

import aiohttp
import httpx2
import pytest
import pytest_asyncio
from mcp import Client as McpClient
from mcp.client.auth import OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from playwright.async_api import Browser, Page
from pydantic import AnyUrl
from support.installed import CACHE
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.errors import AccessDenied
from muxi.devkit.node import Node

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]

PACKAGE = "oidc-provider@9.13.3"
SCRIPT = Path(__file__).parents[2] / "support" / "oidc_provider.mjs"
SECRET = "not a real secret, but a long one"


@dataclass
class Provider:
    """A provider of identities in a process of its own."""

    url: str
    process: asyncio.subprocess.Process

    async def tell(self, line: str) -> None:
        """Change what it says of a person: `ana eng,ops`, or `ana` to remove them."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{line}\n".encode())
        assert (await self.process.stdout.readline()) == b"done\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Provider]:
    node = Node.find()
    home = await asyncio.to_thread(node.install, CACHE / PACKAGE.replace("@", "-"), [PACKAGE])
    script = tmp_path_factory.mktemp("provider") / SCRIPT.name
    await asyncio.to_thread(shutil.copy, SCRIPT, script)
    # Modules are looked for beside the script.
    (script.parent / "node_modules").symlink_to(home / "node_modules")
    process = await asyncio.create_subprocess_exec(
        *(str(node.program), "--preserve-symlinks", str(script)),
        env={**os.environ, "CLIENT_SECRET": SECRET},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            url = (await process.stdout.readline()).decode().strip()
        assert url
        yield Provider(url, process)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


@pytest_asyncio.fixture(loop_scope="module")
async def house(provider: Provider, tmp_path: Path) -> AsyncIterator[Served]:
    company = {
        "issuer": provider.url,
        "client_id": "muxi",
        "client_secret": "secret://OIDC",
        "title": "Company",
        "scopes": ["profile", "offline_access"],
        "create_users": True,
        "groups": {"engineers": ["eng"], "operators": ["ops"]},
        "roles": {"admin": ["muxi-admins"]},
        "require": {"preferred_username": ["ana", "boss"]},
        "recheck": 1,
    }
    robots = {"issuer": provider.url, "audience": ["muxi"], "create_users": True}
    identity = {"oidc": {"company": company}, "jwt": {"robots": robots}}
    async with served(tmp_path, lambda _: "hello", identity=identity) as house:
        await house.runtime.secrets.put("OIDC", SECRET)
        yield house


@pytest_asyncio.fixture(loop_scope="module")
async def page(house: Served, browser: Browser) -> AsyncIterator[Page]:
    context = await browser.new_context(base_url=house.url)
    context.set_default_timeout(60_000)
    yield await context.new_page()
    await context.close()


async def sign_in(page: Page, name: str) -> None:
    """From muxi's own page, by way of the provider's."""
    await page.goto("/")
    await page.get_by_role("link", name="Sign in with Company").click()
    await page.locator("input[name=login]").fill(name)
    await page.locator("input[name=password]").fill("any password will do")
    await page.locator("button[type=submit]").click()
    await page.get_by_text("Continue").click()


async def at_home(page: Page, house: Served) -> None:
    """Wait until the browser has come back from the provider, and gone on from there."""
    await page.wait_for_url(lambda url: url.startswith(house.url) and "/login" not in url)


async def me(page: Page) -> dict[str, Any]:
    return await (await page.request.get("/api/me")).json()


async def becomes(page: Page, **wanted: Any) -> None:
    """Wait until the server says this of who has signed in."""
    deadline = time.monotonic() + 60
    while {key: (await me(page)).get(key) for key in wanted} != wanted:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def test_a_person_signs_in_and_uses_the_dashboard(house: Served, page: Page) -> None:
    await sign_in(page, "ana")
    await at_home(page, house)
    await becomes(page, user="ana", roles=["member"], groups=["engineers"])

    cookies = {cookie["name"]: cookie for cookie in await page.context.cookies(house.url)}
    # Cookies know no ports: those of the provider are seen here too.
    assert {name for name in cookies if name.startswith("muxi")} == {"muxi_session"}
    assert cookies["muxi_session"]["httpOnly"]
    assert cookies["muxi_session"]["sameSite"] == "Strict"
    await page.goto("/")
    assert await page.get_by_role("link", name="Sign in with Company").count() == 0


async def test_what_the_provider_says_of_a_person_holds_for_their_session(
    house: Served, page: Page, provider: Provider
) -> None:
    await sign_in(page, "boss")
    await at_home(page, house)
    await becomes(page, roles=["admin", "member"])

    await provider.tell("boss ops")
    await becomes(page, roles=["member"], groups=["operators"])

    await provider.tell("boss")
    await becomes(page, status=401)
    await page.goto("/")
    assert await page.get_by_role("link", name="Sign in with Company").count() == 1


async def test_signing_out_ends_it_at_the_provider_too_and_nothing_can_be_replayed(
    house: Served, page: Page
) -> None:
    seen: list[str] = []
    page.on("request", lambda request: seen.append(request.url))
    await sign_in(page, "ana")
    await at_home(page, house)
    await becomes(page, user="ana")
    [back] = [url for url in seen if "/callback?" in url]

    await page.evaluate(
        "() => { const form = document.createElement('form'); form.method = 'post';"
        " form.action = '/logout'; document.body.append(form); form.submit(); }"
    )
    await page.get_by_text("Yes, sign me out").click()
    await page.wait_for_url(f"{house.url}/login*")
    await becomes(page, status=401)

    await page.goto(back)
    assert await page.get_by_role("alert").count() == 1
    await becomes(page, status=401)
    # The provider asks for the password again.
    await sign_in(page, "ana")


async def test_whom_the_project_does_not_admit_is_told_so(page: Page) -> None:
    await sign_in(page, "cy")
    await page.get_by_role("alert").wait_for()
    await becomes(page, status=401)


async def test_a_program_uses_a_token_of_the_provider_within_its_scope(
    house: Served, provider: Provider
) -> None:
    pair = f"robot:{quote_plus(SECRET)}"
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{provider.url}/token",
            data={"grant_type": "client_credentials", "scope": "muxi:threads.read"},
            headers={"Authorization": f"Basic {b64encode(pair.encode()).decode()}"},
        ) as response,
    ):
        token = (await response.json())["access_token"]
    async with Client(house.url, token=token) as robot:
        assert (await robot.threads()).items == []
        with pytest.raises(AccessDenied):
            await robot.create_thread(title="No")


async def grant(address: str, name: str, back: str) -> AuthorizationCodeResult:
    """A person who signs in and consents on the provider's pages, from `address` until `back`."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as browser:
        form: dict[str, str] | None = None
        for _ in range(20):
            method = "GET" if form is None else "POST"
            async with browser.request(method, address, data=form, allow_redirects=False) as page:
                text, where = await page.text(), page.headers.get("Location")
            if where is not None:
                address, form = urljoin(address, where), None
                if address.startswith(back):
                    found = parse_qs(urlsplit(address).query)
                    answer = {
                        key: found[key][0] for key in ("code", "state", "iss") if key in found
                    }
                    return AuthorizationCodeResult(**answer)
                continue
            action = re.search(r'<form[^>]* action="([^"]+)"', text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', text)
            assert action, text
            assert prompt, text
            address = urljoin(address, action[1])
            form = {"prompt": prompt[1], "login": name, "password": "any password will do"}
    raise AssertionError("The provider's pages have no end.")


class Kept:
    """What a client of MCP keeps of its login."""

    tokens: OAuthToken | None = None
    client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


async def test_a_client_of_mcp_finds_the_provider_signs_in_and_is_the_person(
    provider: Provider, tmp_path: Path
) -> None:
    company = {"issuer": provider.url, "client_id": "muxi", "create_users": True}
    declared = {"oidc": {"company": company}}
    back, kept, shown = "http://localhost:1/mcp-client", Kept(), list[str]()

    async def show(address: str) -> None:
        shown.append(address)

    async def come_back() -> AuthorizationCodeResult:
        return await grant(shown[-1], "ana", back)

    async with served(tmp_path, lambda _: "hello", identity=declared) as house:
        place = f"{house.url}/mcp"
        metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(back)], client_name="a client of MCP")
        auth = OAuthClientProvider(
            place, metadata, kept, redirect_handler=show, callback_handler=come_back
        )
        client = httpx2.AsyncClient(auth=auth, timeout=60)
        async with client, McpClient(streamable_http_client(place, http_client=client)) as mcp:
            assert "ask_a" in [tool.name for tool in (await mcp.list_tools()).tools]
            assert (await mcp.call_tool("ask_a", {"input": "Who?"})).is_error is not True
        people = (await house.runtime.identity.users.page("default")).items
        assert "ana" in [each.id for each in people]
        assert kept.tokens is not None
        async with Client(house.url, token=kept.tokens.access_token) as elsewhere:
            with pytest.raises(AccessDenied):
                await elsewhere.threads()
