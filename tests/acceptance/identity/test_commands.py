"""`muxi user`, `group`, `key` and `tenant`: from a fresh project to a program with a key."""

from __future__ import annotations

import json

import aiohttp
import pytest

from tests.acceptance.identity.conftest import Admin
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


@pytest.mark.ci
def test_users_are_changed_signed_out_and_removed(admin: Admin) -> None:
    admin("user", "add", "ann", "--name", "Ann", "--email", "ann@example.com", "--role", "viewer")
    assert "already" in admin("user", "add", "ann", code=1).err
    assert "no group" in admin("user", "add", "ben", "--group", "none", code=1).err
    admin("user", "change", "ann", "--role", "member", "--role", "auditor", "--disable")
    rows = [line.split() for line in admin("user", "list").out.splitlines()]
    assert rows == [
        ["ann", "disabled", "member,auditor", "ann@example.com"],
        ["local", "person", "admin"],
    ]
    admin("user", "change", "ann", "--enable", "--name", "Anna")
    (ann, _) = json.loads(admin("user", "list", "--json").out)
    assert (ann["name"], ann["disabled"], ann["roles"]) == ("Anna", False, ["member", "auditor"])
    admin("user", "signout", "ann")
    assert "`muxi up` starts it" in admin("user", "link", "ann", code=1).err
    assert "may do everything" in admin("user", "change", "local", "--disable", code=1).err
    admin("user", "delete", "ann")
    assert "no user ann" in admin("user", "delete", "ann", code=1).err


@pytest.mark.ci
def test_keys_are_bounded_and_revoked(admin: Admin) -> None:
    admin("user", "add", "ann")
    admin("key", "create", "ci", "--of", "ann", "--scope", "runs.*", "--days", "30")
    (key,) = json.loads(admin("key", "list", "--of", "ann", "--json").out)
    assert (key["scopes"], key["prefix"][:17]) == (["runs.*"], "muxi_key_default_")
    assert key["expires_at"] is not None
    assert admin("key", "list", "--of", "local").out == ""
    wrong = admin("key", "create", "--of", "ann", "--scope", "runs.begin", code=2)
    assert "permits nothing" in wrong.err
    admin("key", "create", "--of", "nobody", code=1)
    assert admin("key", "revoke", key["id"]).err == f"Revoked {key['id']}.\n"
    admin("key", "revoke", key["id"], code=1)
    assert admin("key", "list").out == ""


async def _status(url: str, path: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url + path) as answer,
    ):
        return answer.status
