"""`muxi user`, `group`, `key` and `tenant`: from a fresh project to a program with a key."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.support.command import Muxi

PASSWORD = "correct horse battery"


@pytest.mark.ci
async def test_users_and_keys_are_made_on_the_command_line(project: Muxi) -> None:
    async with project.start("up", "--port", "0", "--json") as running:
        await running.until(lambda it: it.out.endswith("\n"))
        url = json.loads(running.out)["url"]
        done = await project("user", "add", "ann", "--password", input=f"{PASSWORD}\n")
        assert (done.code, done.out, done.err) == (0, "", "Added ann.\n")
        assert (await project("group", "put", "watchers", "--role", "viewer")).code == 0
        assert (await project("user", "add", "bot", "--service", "--group", "watchers")).code == 0
        assert (await project("group", "members", "watchers")).out == "bot\n"

        done = await project("key", "create", "nightly", "--of", "bot", "--scope", "threads.*")
        key = done.out.strip()
        assert key.startswith("muxi_key_default_")
        assert "never again" in done.err
        (shown,) = json.loads((await project("key", "list", "--json")).out)
        assert (shown["user"], shown["name"]) == ("bot", "nightly")
        assert key not in json.dumps(shown)
        assert await _status(url, "/api/threads", key) == 200
        assert await _status(url, "/api/runs", key) == 403
        fresh = (await project("key", "rotate", shown["id"], "--hours", "0")).out.strip()
        assert await _status(url, "/api/threads", key) == 401
        assert await _status(url, "/api/threads", fresh) == 200

        form = {"name": "ann", "password": PASSWORD}
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as browser:
            async with browser.post(f"{url}/login", data=form) as page:
                assert page.status == 200
            assert (await project("user", "change", "ann", "--disable")).code == 0
            async with browser.get(f"{url}/api/me") as answer:
                assert answer.status == 401

        assert (await project("tenant", "add", "acme", "--name", "Acme")).code == 0
        added = await project("user", "add", "ann", "--role", "admin", "--tenant", "acme")
        assert added.code == 0
        made = await project("key", "create", "--of", "ann", "--tenant", "acme")
        assert made.out.startswith("muxi_key_acme_")
        assert await _status(url, "/api/tenants", made.out.strip()) == 403
        assert await _status(url, "/api/users", made.out.strip()) == 200


async def _status(url: str, path: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url + path) as answer,
    ):
        return answer.status
