"""A fresh `muxi up --host 0.0.0.0`: a stranger finds nothing open, its admin is in at once."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from muxi.server.table import all_operations
from tests.support.command import Muxi, Running

OPEN = {("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/login"), ("POST", "/login")}
"""What answers without credentials: health, and the page to sign in on."""
WAYS_IN = ("/login", "/.well-known/")
"""Paths for those who have not signed in yet, of which a fresh project has only the page."""
ELSEWHERE = ["/", "/index.html", "/assets/x.js", "/mcp", "/mcp/lines", "/ws", "/docs", "/metrics"]
ELSEWHERE += ["/.env", "/.muxi/token", "/../.muxi/token", "/%2e%2e/.muxi/muxi.db", "/admin", "/api"]
CREDENTIALS: list[dict[str, str]] = [
    {},
    {"Authorization": "Bearer "},
    {"Authorization": "Bearer null"},
    {"Authorization": "Basic YWRtaW46YWRtaW4="},
    {"Authorization": "Bearer muxi_key_default_0_0"},
    {"Cookie": "muxi_session=1"},
    {"X-Muxi-User": "local"},
    {"X-Forwarded-For": "127.0.0.1", "X-Forwarded-User": "local", "X-Real-IP": "127.0.0.1"},
]


def outward() -> str:
    """An address of this machine that is not of its loopback, if it has one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        try:
            asking.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(asking.getsockname()[0])


@pytest.fixture
async def exposed(project: Muxi) -> AsyncIterator[Running]:
    # A stranger who asks this often would soon be told to wait, and see no more of what is open.
    with (project.folder / "muxi.yaml").open("a", encoding="utf-8") as file:
        file.write("server: {rate_limits: {address: {requests: 100000}}}\n")
    async with project.start("up", "--host", "0.0.0.0", "--port", "0") as running:
        await running.until(lambda it: "model" in it.err)
        yield running


def link_of(running: Running) -> str:
    found = re.search(r"sign in +(\S+)\n", running.out)
    assert found is not None
    return found[1]


@pytest.mark.ci
async def test_a_stranger_finds_nothing_open(exposed: Running) -> None:
    port = urlsplit(link_of(exposed)).port
    base = f"http://{outward()}:{port}"
    asked = [(op.method, re.sub(r"\{\w+\}", "x", op.path)) for op in all_operations()]
    asked += [(method, path) for path in ELSEWHERE for method in ("GET", "POST")]
    asked += [("DELETE", "/"), ("PUT", "/api/users/local/password"), ("OPTIONS", "/api/runs")]
    answered: set[tuple[str, str]] = set()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as stranger:
        for method, path in asked:
            for headers in CREDENTIALS:
                sent = {"Content-Type": "application/json", **headers}
                async with stranger.request(
                    method, base + path, headers=sent, data=b"{}", allow_redirects=False
                ) as response:
                    text = await response.text()
                    if response.status < 400 or path in ("/healthz", "/readyz"):
                        answered.add((method, path))
                    elif not path.startswith(WAYS_IN):
                        assert response.status == 401, (method, path, headers, text)
                        assert method == "HEAD" or "Credentials are missing or wrong." in text
                assert "assistant" not in text
        # A name that was not declared is refused, whatever it points to (DNS rebinding).
        for host in ("evil.example", f"evil.example:{port}", "", "0x7f.1"):
            async with stranger.get(f"{base}/api/status", headers={"Host": host}) as response:
                assert response.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await stranger.ws_connect(f"{base}/ws")
    assert answered <= OPEN
    assert "Traceback" not in exposed.err


@pytest.mark.ci
async def test_its_admin_is_in_at_once(project: Muxi, exposed: Running) -> None:
    link = link_of(exposed)
    assert outward() in link
    assert "not encrypted" in exposed.err
    jar = aiohttp.CookieJar(unsafe=True)
    async with asyncio.timeout(60), aiohttp.ClientSession(cookie_jar=jar) as admin:
        async with admin.get(link) as page:
            assert page.status == 200
        base = link.partition("/login")[0]
        headers = {"Origin": base}
        body = {"id": "ann", "password": "correct horse battery"}
        async with admin.post(f"{base}/api/users", json=body, headers=headers) as answer:
            assert answer.status == 201
        async with admin.post(
            f"{base}/api/runs", json={"input": "hello"}, headers=headers
        ) as answer:
            assert answer.status == 201
        # The session is of this page alone: another page's request is not made with it.
        foreign = {"Origin": "http://evil.example"}
        async with admin.post(f"{base}/api/users", json=body, headers=foreign) as answer:
            assert answer.status == 403
        async with admin.post(f"{base}/api/users", json=body) as answer:
            assert answer.status == 403
    # On the same machine, the command line goes in by the token file.
    assert json.loads((await project("user", "list", "--json")).out)[0]["id"] == "ann"
