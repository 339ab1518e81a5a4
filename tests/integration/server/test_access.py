"""Who may speak to the server, from where, and what everybody else is told."""

from __future__ import annotations

import asyncio
import json
import socket
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from support.served import Served, project, served

from muxi.client.client import Client
from muxi.core.errors import AccessDenied, Conflict, InvalidInput, ProjectInUse
from muxi.runtime.build import open_runtime
from muxi.runtime.owner import owner_of
from muxi.server.serve import serving


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, lambda request: "ok") as living:
        yield living


@pytest.fixture
async def stranger() -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody without credentials, who keeps cookies as browsers do."""
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        yield session


async def _problem(response: aiohttp.ClientResponse) -> dict[str, Any]:
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = json.loads(await response.read())
    assert problem["status"] == response.status
    return problem


@pytest.mark.parametrize(
    "path",
    ["/api/status", "/api/threads", "/openapi.json", "/", "/assets/x.js", "/api/nothing"],
)
async def test_nothing_is_told_without_credentials(
    path: str, muxi: Served, stranger: aiohttp.ClientSession
) -> None:
    async with stranger.get(muxi.url + path) as response:
        assert response.status == 401
        assert (await _problem(response))["code"] == "access_denied"
        assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("path", "said"), [("/healthz", "ok"), ("/readyz", "ready")])
async def test_health_is_open(
    path: str, said: str, muxi: Served, stranger: aiohttp.ClientSession
) -> None:
    async with stranger.get(muxi.url + path) as response:
        assert (response.status, await response.text()) == (200, said)


@pytest.mark.parametrize("token", ["", "wrong", "x" * 10_000, "\u00fc"])
async def test_a_wrong_token_is_refused(token: str, muxi: Served) -> None:
    async with Client(muxi.url, token=token or "none") as client:
        with pytest.raises(AccessDenied, match="missing or wrong"):
            await client.status()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "localhost", "127.0.0.1:1", "localhost.:{port}"]
)
async def test_foreign_names_are_refused(host: str, muxi: Served) -> None:
    name = host.format(port=urlsplit(muxi.url).port)
    async with muxi.http.get(f"{muxi.url}/api/status", headers={"Host": name}) as response:
        assert response.status == 403
        assert "does not answer under" in (await _problem(response))["detail"]


async def test_both_names_of_this_machine_are_served(muxi: Served) -> None:
    port = urlsplit(muxi.url).port
    for name in ("localhost", "127.0.0.1", "LOCALHOST"):
        headers = {"Host": f"{name}:{port}"}
        async with muxi.http.get(f"{muxi.url}/api/status", headers=headers) as response:
            assert response.status == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://localhost:{port}"])
async def test_other_pages_are_refused(origin: str, muxi: Served) -> None:
    headers = {"Origin": origin.format(port=urlsplit(muxi.url).port)}
    async with muxi.http.get(f"{muxi.url}/api/status", headers=headers) as response:
        assert response.status == 403
        assert "access-control-allow-origin" not in response.headers


async def test_a_link_signs_one_browser_in_once(
    muxi: Served, stranger: aiohttp.ClientSession
) -> None:
    link = await muxi.client.login_link()
    async with stranger.get(link, allow_redirects=False) as response:
        assert response.status == 303
        assert response.headers["Location"] == "/"
        cookie = response.headers["Set-Cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
    async with stranger.get(f"{muxi.url}/api/status") as response:
        assert response.status == 200
    async with stranger.get(link, allow_redirects=False) as response:
        assert response.status == 401
        assert "used up" in (await _problem(response))["detail"]
    async with stranger.get(link, headers={"Accept": "text/html"}) as response:
        assert response.status == 401
        assert "This sign-in link is used up or too old." in await response.text()


async def test_a_browser_without_a_session_gets_a_page(
    muxi: Served, stranger: aiohttp.ClientSession
) -> None:
    async with stranger.get(muxi.url, headers={"Accept": "text/html"}) as response:
        assert response.status == 401
        text = await response.text()
        assert 'name="password"' in text
        assert "muxi open" in text


async def test_a_cookie_alone_cannot_change_anything(
    muxi: Served, stranger: aiohttp.ClientSession
) -> None:
    async with stranger.get(await muxi.server.login_link()):
        pass
    asked = {"input": "hi"}
    async with stranger.post(f"{muxi.url}/api/runs", json=asked) as response:
        assert response.status == 403
    same = {"Origin": muxi.url}
    async with stranger.post(f"{muxi.url}/api/runs", json=asked, headers=same) as response:
        assert response.status == 201


async def test_a_forged_session_is_refused(muxi: Served, stranger: aiohttp.ClientSession) -> None:
    for value in ("9999999999.abc", "x", "9" * 500 + ".a", "1.2.3"):
        headers = {"Cookie": f"muxi_session={value}"}
        async with stranger.get(f"{muxi.url}/api/status", headers=headers) as response:
            assert response.status == 401


async def test_a_session_outlives_a_restart(tmp_path: Path) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
        async with (
            served(tmp_path, []) as muxi,
            browser.get(await muxi.server.login_link(), allow_redirects=False) as response,
        ):
            cookie = response.headers["Set-Cookie"].partition(";")[0]
        async with (
            served(tmp_path, []) as muxi,
            browser.get(f"{muxi.url}/api/status", headers={"Cookie": cookie}) as response,
        ):
            assert response.status == 200


async def test_the_socket_beside_the_project_serves_the_same(muxi: Served) -> None:
    path = muxi.runtime.state.socket
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    async with Client(socket=path, token=muxi.runtime.state.token()) as client:
        assert (await client.status()).owner_pid
    async with Client(socket=path, token="wrong") as client:
        with pytest.raises(AccessDenied):
            await client.status()


async def test_what_lies_beside_the_project_is_private(muxi: Served) -> None:
    state = muxi.runtime.state
    assert stat.S_IMODE(state.root.stat().st_mode) == 0o700
    for file in (state.token_file, state.lock, state.database):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


async def test_a_second_process_is_told_where_the_first_answers(
    muxi: Served, tmp_path: Path
) -> None:
    code = (
        "import asyncio, sys, pathlib\n"
        "from muxi.config.project import Project\n"
        "from muxi.core.errors import ProjectInUse\n"
        "from muxi.runtime.build import open_runtime\n"
        "project = Project.model_validate({'agents': {}, 'folder': pathlib.Path(sys.argv[1])})\n"
        "try:\n"
        "    asyncio.run(open_runtime(project))\n"
        "except ProjectInUse as error:\n"
        "    print(error.details['pid'], error.details['url'], error.details['socket'])\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    status = await muxi.client.status()
    expected = f"{status.owner_pid} {muxi.url} {muxi.runtime.state.socket}"
    assert told.decode().strip() == expected
    owner = owner_of(muxi.runtime.state)
    assert owner is not None
    assert owner.url == muxi.url


async def test_the_project_is_free_after_it_was_closed(tmp_path: Path) -> None:
    for _ in range(2):
        runtime = await open_runtime(project(tmp_path))
        with pytest.raises(ProjectInUse):
            await open_runtime(project(tmp_path))
        await runtime.close()
    assert owner_of(runtime.state) is None


async def test_a_port_in_use_is_told_and_the_project_stays_usable(
    muxi: Served, tmp_path: Path
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(Conflict, match=f"Port {port} is in use"):
            async with serving(muxi.runtime, port=port):
                pass
    assert (await muxi.client.status()).version


@pytest.mark.parametrize("host", ["192.0.2.7", "no-such-name.invalid", "a b"])
async def test_an_address_of_another_machine_is_refused(host: str, muxi: Served) -> None:
    with pytest.raises(InvalidInput, match="is no address of this machine"):
        async with serving(muxi.runtime, host=host, port=0):
            pass
