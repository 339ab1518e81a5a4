"""People who sign in with an identity provider, and programs that send its tokens."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aiohttp
import pytest
import pytest_asyncio
from support.issuer import CLIENT, Issuer, SigningKey, forged, issuing
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.caller import Caller, Credential
from muxi.core.errors import AccessDenied, Conflict, NotFound, StorageUnavailable
from muxi.core.identities import User
from muxi.core.record import now
from muxi.identity.federation import sessions as granted_sessions
from muxi.identity.federation.provider import Granted, Provider
from muxi.identity.federation.sessions import Grant, GrantedSessions

COOKIE = "muxi_session"


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


def declared(issuer: Issuer, *, oidc: dict[str, Any] | None = None, **jwt: Any) -> dict[str, Any]:
    """A project with one provider, whose tokens are taken too."""
    company: dict[str, Any] = {
        "issuer": issuer.url,
        "client_id": CLIENT[0],
        "client_secret": "secret://OIDC",
        "create_users": True,
        "recheck": 3_600,
        "groups": {"engineers": ["eng"]},
        "roles": {"admin": ["muxi-admins"]},
    }
    robots: dict[str, Any] = {
        "issuer": issuer.url,
        "audience": ["muxi"],
        "create_users": True,
        "groups": {"engineers": ["eng"]},
    }
    return {
        "identity": {"oidc": {"company": company | (oidc or {})}, "jwt": {"robots": robots | jwt}}
    }


class Browser:
    """A browser as far as signing in goes: it keeps cookies and follows nothing by itself."""

    def __init__(self, muxi: Served, http: aiohttp.ClientSession) -> None:
        self.muxi = muxi
        self.http = http

    async def leave(self, path: str = "/login/oidc/company") -> str:
        async with self.http.get(self.muxi.url + path, allow_redirects=False) as response:
            assert response.status == 303, await response.text()
            return response.headers["Location"]

    async def come_back(self, answer: dict[str, str], provider: str = "company") -> tuple[int, str]:
        path = f"/login/oidc/{provider}/callback?{urlencode(answer)}"
        async with self.http.get(self.muxi.url + path, allow_redirects=False) as response:
            return response.status, await response.text()

    async def sign_in(self, issuer: Issuer) -> tuple[int, str]:
        return await self.come_back(await issuer.sign_in(await self.leave()))

    async def me(self) -> tuple[int, dict[str, Any]]:
        async with self.http.get(self.muxi.url + "/api/me") as response:
            return response.status, await response.json()

    @property
    def cookies(self) -> dict[str, str]:
        return {cookie.key: cookie.value for cookie in self.http.cookie_jar}


@pytest_asyncio.fixture
async def muxi(issuer: Issuer, tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, lambda _: "hello", **declared(issuer)) as muxi:
        await muxi.runtime.secrets.put("OIDC", CLIENT[1])
        yield muxi


def new_browser() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


@pytest_asyncio.fixture
async def browser(muxi: Served) -> AsyncIterator[Browser]:
    async with new_browser() as http:
        yield Browser(muxi, http)


def client(muxi: Served, token: str) -> Client:
    return Client(muxi.url, token=token)


async def test_a_person_signs_in_and_becomes_a_user(
    issuer: Issuer, muxi: Served, browser: Browser
) -> None:
    issuer.user |= {"name": "Ana", "groups": ["eng", "admin", "owners"]}

    status, page = await browser.sign_in(issuer)

    assert (status, "signed in" in page) == (200, True)
    status, me = await browser.me()
    assert (status, me["user"], me["roles"], me["groups"]) == (
        200,
        "ana",
        ["member"],
        ["engineers"],
    )
    assert set(browser.cookies) == {COOKIE}
    [session] = (await muxi.runtime.identity.sessions.page("default", "ana")).items
    assert session.how == "company"


async def test_no_token_of_the_provider_is_shown_or_stored_in_the_open(
    issuer: Issuer, muxi: Served, browser: Browser
) -> None:
    _, page = await browser.sign_in(issuer)

    stored = muxi.runtime.state.database.read_bytes()
    stored += muxi.runtime.state.database.with_suffix(".db-wal").read_bytes()
    for text in (*issuer.refresh, issuer.token().split(".")[0]):
        assert text not in page + str(browser.cookies)
        assert text.encode() not in stored


async def test_a_person_who_comes_again_is_the_same_user_with_other_groups(
    issuer: Issuer, muxi: Served, browser: Browser
) -> None:
    issuer.user |= {"groups": ["eng", "muxi-admins"]}
    await browser.sign_in(issuer)
    assert (await browser.me())[1]["roles"] == ["admin", "member"]
    await muxi.runtime.identity.users.update("default", "ana", roles=["admin", "auditor"])
    issuer.user |= {"preferred_username": "ana.married", "groups": []}

    await browser.sign_in(issuer)

    _, me = await browser.me()
    assert (me["user"], me["groups"], me["roles"]) == ("ana", [], ["auditor"])


async def test_whoever_is_unknown_stays_outside_unless_the_project_lets_them_in(
    issuer: Issuer, tmp_path: Path
) -> None:
    kept = declared(issuer, oidc={"create_users": False})
    async with served(tmp_path, lambda _: "", **kept) as muxi, new_browser() as http:
        await muxi.runtime.secrets.put("OIDC", CLIENT[1])
        browser = Browser(muxi, http)
        status, page = await browser.sign_in(issuer)
        assert (status, "no user of this project" in page) == (401, True)
        assert browser.cookies == {}

        await muxi.runtime.identity.users.create("default", User(id="bea", created_at=now()))
        async with muxi.http.put(
            f"{muxi.url}/api/users/bea/identities", json={"issuer": issuer.url, "subject": "u-1"}
        ) as response:
            assert response.status == 200
        assert (await browser.sign_in(issuer))[0] == 200
        assert (await browser.me())[1]["user"] == "bea"

        await muxi.runtime.identity.users.create("default", User(id="cy", created_at=now()))
        with pytest.raises(Conflict):
            await muxi.runtime.federation.arrivals.link("default", "cy", issuer.url, "u-1")
        async with muxi.http.delete(
            f"{muxi.url}/api/users/bea/identities",
            params={"issuer": issuer.url, "subject": "u-1"},
        ) as response:
            assert response.status == 204
        assert (await browser.me())[0] == 401
        assert (await browser.sign_in(issuer))[0] == 401


async def test_a_name_that_is_taken_here_is_not_given_to_somebody_from_elsewhere(
    issuer: Issuer, muxi: Served, browser: Browser
) -> None:
    await muxi.runtime.identity.users.create("default", User(id="ana", created_at=now()))
    status, page = await browser.sign_in(issuer)
    assert (status, "belongs to another user" in page) == (401, True)

    issuer.user |= {"sub": "u-9", "preferred_username": "local"}
    assert (await browser.sign_in(issuer))[0] == 401


@pytest.mark.parametrize("words", ["replayed", "stolen", "without state", "another provider"])
async def test_an_answer_that_is_not_this_browsers_own_signs_nobody_in(
    issuer: Issuer, muxi: Served, browser: Browser, words: str
) -> None:
    answer = await issuer.sign_in(await browser.leave())
    async with new_browser() as http:
        other = Browser(muxi, http)
        if words == "replayed":
            assert (await browser.come_back(answer))[0] == 200
            victim = browser
        elif words == "stolen":
            await other.leave()
            victim = other
        elif words == "without state":
            victim, answer = browser, {"code": answer["code"], "iss": answer["iss"]}
        else:
            victim, answer = browser, {**answer, "iss": "https://evil.example"}
        before = victim.cookies.get(COOKIE)
        status, page = await victim.come_back(answer)
        assert (status, 'role="alert"' in page) == (401, True)
        assert victim.cookies.get(COOKIE) == before


async def test_a_cookie_of_a_sign_in_that_was_changed_is_refused(
    issuer: Issuer, muxi: Served, browser: Browser
) -> None:
    answer = await issuer.sign_in(await browser.leave())
    for value in ("", "AAAA", "é", browser.cookies["muxi_sign_in"][:-8] + "AAAAAAAA"):
        headers = {"Cookie": f"muxi_sign_in={value}"}
        path = f"/login/oidc/company/callback?{urlencode(answer)}"
        async with (
            aiohttp.ClientSession() as http,
            http.get(muxi.url + path, headers=headers) as response,
        ):
            assert response.status == 401


@pytest.mark.parametrize("where", ["https://evil.example", "//evil.example", "/\\evil", "evil"])
async def test_people_come_back_to_this_server_only(muxi: Served, where: str) -> None:
    async with muxi.http.get(
        f"{muxi.url}/login/oidc/company", params={"return_to": where}, allow_redirects=False
    ) as response:
        assert response.status == 422


async def test_a_provider_that_is_away_or_unknown_is_told_of(issuer: Issuer, muxi: Served) -> None:
    issuer.away = True
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{muxi.url}/login/oidc/company") as response:
            assert response.status == 503
            assert "cannot be used" in await response.text()
        async with http.get(f"{muxi.url}/login/oidc/nobody") as response:
            assert response.status == 404
        async with http.get(f"{muxi.url}/login") as response:
            assert "Sign in with company" in await response.text()


async def test_a_session_ends_when_the_provider_says_so(issuer: Issuer, tmp_path: Path) -> None:
    async with (
        served(tmp_path, lambda _: "", **declared(issuer, oidc={"recheck": 1})) as muxi,
        new_browser() as http,
    ):
        await muxi.runtime.secrets.put("OIDC", CLIENT[1])
        browser = Browser(muxi, http)
        await browser.sign_in(issuer)
        issuer.user |= {"groups": ["eng"]}

        async def seen(wanted: dict[str, Any]) -> None:
            deadline = time.monotonic() + 30
            while {name: (await browser.me())[1].get(name) for name in wanted} != wanted:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.1)

        await seen({"groups": ["engineers"]})
        issuer.away = True
        await asyncio.gather(*(browser.me() for _ in range(20)))
        assert (await browser.me())[0] == 200
        issuer.away, issuer.refuses = False, "invalid_grant"
        muxi.runtime.federation.sessions._due.clear()
        await seen({"status": 401})
        assert (await muxi.runtime.identity.sessions.page("default", "ana")).items == []


async def test_parallel_requests_renew_a_session_once(issuer: Issuer, tmp_path: Path) -> None:
    kept = declared(issuer, oidc={"recheck": 1})
    async with served(tmp_path, lambda _: "", **kept) as muxi, new_browser() as http:
        await muxi.runtime.secrets.put("OIDC", CLIENT[1])
        browser = Browser(muxi, http)
        await browser.sign_in(issuer)
        [session] = (await muxi.runtime.identity.sessions.page("default", "ana")).items
        grant = await muxi.runtime.federation.sessions.grant("default", session.id)
        assert grant is not None
        grant.asked_at -= 100
        sealed = await muxi.runtime.federation.sessions.sealed(grant)
        await muxi.runtime.identity.sessions.keep_grant("default", session.id, sealed)
        issuer.fetches.clear()

        answers = await asyncio.gather(*(browser.me() for _ in range(20)))

        assert {status for status, _ in answers} == {200}
        assert issuer.fetches.count("/token") == 1


@dataclass
class Due:
    """A signed-in person whose provider is to be asked anew."""

    sessions: GrantedSessions
    caller: Caller
    first: Grant

    async def grant(self) -> Grant:
        grant = await self.sessions.grant(self.caller.tenant, self.caller.credential.id)
        assert grant is not None
        return grant

    def again(self, **changes: Any) -> GrantedSessions:
        """Another process, which knows only for itself whom it is asking about."""
        return replace(self.sessions, _due={}, _asking={}, **changes)


@pytest_asyncio.fixture
async def due(issuer: Issuer, storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Due]:
    kept = declared(issuer, oidc={"recheck": 1})
    async with served(tmp_path, lambda _: "", **kept, **storage) as muxi, new_browser() as http:
        await muxi.runtime.secrets.put("OIDC", CLIENT[1])
        await Browser(muxi, http).sign_in(issuer)
        sessions = muxi.runtime.federation.sessions
        [session] = (await muxi.runtime.identity.sessions.page("default", "ana")).items
        grant = await sessions.grant("default", session.id)
        assert grant is not None
        grant.asked_at -= 100
        await sessions.sessions.keep_grant("default", session.id, await sessions.sealed(grant))
        issuer.fetches.clear()
        issuer.asked.clear()
        caller = Caller("default", "ana", Credential("session", session.id))
        yield Due(sessions, caller, grant)


async def test_of_two_processes_one_shows_the_refresh_token(issuer: Issuer, due: Due) -> None:
    nodes = [due.again() for _ in range(4)]

    await asyncio.gather(*(each.check(due.caller) for each in nodes))

    assert issuer.fetches.count("/token") == 1
    renewed = await due.grant()
    assert renewed.refresh_token not in (None, due.first.refresh_token)
    assert renewed.claimed_at is None


@pytest.mark.parametrize("path", ["/token", "/me"])
async def test_a_request_that_goes_away_loses_no_session(
    issuer: Issuer, due: Due, path: str
) -> None:
    held = issuer.held[path] = asyncio.Event()
    node = due.again()
    request = asyncio.create_task(node.check(due.caller))
    await issuer.asked[path].wait()
    request.cancel()
    await asyncio.wait([request])
    assert request.cancelled()
    held.set()
    await node.close()

    renewed = await due.grant()
    assert [renewed.refresh_token] == list(issuer.refresh)
    assert renewed.asked_at > due.first.asked_at
    assert renewed.claimed_at is None
    await due.again().check(due.caller)


async def test_a_provider_that_goes_away_half_way_loses_no_session(
    issuer: Issuer, due: Due
) -> None:
    issuer.broken.add("/me")
    await due.again().check(due.caller)

    kept = await due.grant()
    assert [kept.refresh_token] == list(issuer.refresh) != [due.first.refresh_token]
    assert (kept.claimed_at, kept.asked_at) == (None, due.first.asked_at)
    issuer.broken.clear()
    await due.again().check(due.caller)
    assert (await due.grant()).asked_at > due.first.asked_at


async def test_a_database_that_fails_half_way_loses_no_session(
    issuer: Issuer, due: Due, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(granted_sessions, "_PAUSES", (0.0, 0.0))
    keep, fails = due.sessions.sessions.keep_grant, [True, True, False, True]

    async def failing(tenant: str, id: str, grant: str) -> None:
        if issuer.fetches and fails and fails.pop(0):
            raise StorageUnavailable
        await keep(tenant, id, grant)

    async def away(provider: Provider, granted: Granted) -> str:
        raise StorageUnavailable

    async def swap(tenant: str, id: str, seen: str, grant: str) -> bool:
        await keep(tenant, id, grant)
        return True

    monkeypatch.setattr(due.sessions.sessions, "keep_grant", failing)
    monkeypatch.setattr(due.sessions.sessions, "swap_grant", swap)
    with pytest.raises(StorageUnavailable):
        await due.again(arrive=away).check(due.caller)

    assert not fails
    kept = await due.grant()
    assert [kept.refresh_token] == list(issuer.refresh) != [due.first.refresh_token]
    assert kept.claimed_at is None
    await due.again().check(due.caller)
    assert (await due.grant()).asked_at > due.first.asked_at


async def test_signing_out_ends_the_session_here_and_there(
    issuer: Issuer, muxi: Served, browser: Browser
) -> None:
    await browser.sign_in(issuer)
    [token] = issuer.refresh
    headers = {"Origin": muxi.url}
    async with browser.http.post(
        muxi.url + "/logout", headers=headers, allow_redirects=False
    ) as response:
        assert response.status == 200
        page = await response.text()
    assert f"url={issuer.url}/out?" in page
    assert "id_token_hint=" in page
    assert issuer.revoked == [token]
    assert (await browser.me())[0] == 401


async def test_a_program_sends_a_token_and_is_a_user(issuer: Issuer, muxi: Served) -> None:
    token = issuer.token(groups=["eng"], jti="t-1")
    async with client(muxi, token) as robot:
        await robot.create_thread(title="Mine")
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.get(f"{muxi.url}/api/me") as response:
            me = await response.json()
        async with http.get(f"{muxi.url}/api/secrets") as response:
            assert response.status == 403
    assert (me["user"], me["credential"], me["credential_id"]) == ("robot-7", "jwt", "t-1")
    assert (me["roles"], me["groups"]) == (["member"], ["engineers"])


async def test_a_token_cannot_do_more_than_its_scopes(issuer: Issuer, muxi: Served) -> None:
    narrow = issuer.token(scope="openid muxi:threads.read muxi:no.such.thing")
    async with client(muxi, narrow) as robot:
        assert (await robot.threads()).items == []
        with pytest.raises(AccessDenied):
            await robot.create_thread(title="No")
    async with client(muxi, issuer.token(scope=["muxi:nonsense"])) as robot:
        with pytest.raises(AccessDenied):
            await robot.threads()


async def test_bad_tokens_are_refused_and_say_nothing_of_why(issuer: Issuer, muxi: Served) -> None:
    good = issuer.token()
    bad = [
        issuer.token(exp=time.time() - 100),
        issuer.token(aud="another"),
        issuer.token(nonce="an ID token"),
        issuer.token(cnf={"jkt": "bound to a key"}),
        issuer.token(iss="https://evil.example"),
        forged(good, header={"alg": "none"}, signature=""),
        SigningKey("first").sign(issuer.claims()),
        good[:-4] + "AAAA",
        "eyJ.e30.x",
        "é" * 10,
        "a" * 100_000,
    ]
    told: set[str] = set()
    async with aiohttp.ClientSession() as http:
        for token in bad[:-2]:
            headers = {"Authorization": f"Bearer {token}"}
            async with http.get(f"{muxi.url}/api/threads", headers=headers) as response:
                assert response.status == 401, token
                told.add((await response.json())["detail"])
                assert response.headers["WWW-Authenticate"].startswith("Bearer")
        async with http.get(
            f"{muxi.url}/api/threads", headers={"Authorization": f"Bearer {good}"}
        ) as response:
            assert response.status == 200
    assert len(told) == 1


async def test_a_token_of_a_user_who_was_disabled_or_removed_is_refused(
    issuer: Issuer, muxi: Served
) -> None:
    token, users = issuer.token(), muxi.runtime.identity.users
    async with client(muxi, token) as robot:
        await robot.threads()
        await users.update("default", "robot-7", disabled=True)
        with pytest.raises(AccessDenied):
            await robot.threads()
        await users.update("default", "robot-7", disabled=False)
        await robot.threads()
        await users.delete("default", "robot-7")
        with pytest.raises(NotFound):
            await users.get("default", "robot-7")


async def test_whoever_manages_users_cannot_become_an_administrator_by_a_link(
    issuer: Issuer, tmp_path: Path
) -> None:
    kept = declared(issuer, roles={"manager": ["hr"]})
    kept["identity"]["roles"] = {"manager": {"allow": ["users.*"]}}
    async with served(tmp_path, lambda _: "", **kept) as muxi:
        users = muxi.runtime.identity.users
        await users.create("default", User(id="boss", roles=["admin"], created_at=now()))
        await users.create("default", User(id="plain", roles=["member"], created_at=now()))
        headers = {"Authorization": f"Bearer {issuer.token(sub='mona', groups=['hr'])}"}
        told: dict[str, int] = {}
        async with aiohttp.ClientSession(headers=headers) as http:
            for user in ("boss", "plain"):
                url = f"{muxi.url}/api/users/{user}/identities"
                body = {"issuer": issuer.url, "subject": f"mona-as-{user}"}
                async with http.put(url, json=body) as response:
                    told[user] = response.status
        assert told == {"boss": 403, "plain": 200}


async def test_a_narrow_key_gives_nobody_an_identity_elsewhere(
    issuer: Issuer, tmp_path: Path
) -> None:
    """Whoever signs in with it is bound by no scopes."""
    kept = declared(issuer)
    kept["identity"]["roles"] = {"manager": {"allow": ["users.*"]}}
    async with served(tmp_path, lambda _: "", **kept) as muxi:
        identity = muxi.runtime.identity
        for name, *roles in (
            ("clerk", "manager", "member"),
            ("chief", "admin"),
            ("plain", "member"),
        ):
            await identity.users.create("default", User(id=name, roles=roles, created_at=now()))
        whole, narrow, wide = None, ["users.write"], ["users.write", "roles.assign"]
        told: list[int] = []
        for name, scopes in (
            ("clerk", narrow),
            ("clerk", wide),
            ("chief", narrow),
            ("chief", wide),
            ("chief", whole),
            ("clerk", whole),
        ):
            key = (await identity.keys.create("default", name, scopes=scopes)).key
            body = {"issuer": issuer.url, "subject": f"somebody-{len(told)}"}
            async with (
                aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as http,
                http.put(f"{muxi.url}/api/users/plain/identities", json=body) as response,
            ):
                told.append(response.status)
        assert told == [403, 403, 403, 200, 200, 200]
