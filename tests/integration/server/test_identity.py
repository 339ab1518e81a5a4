"""Users, sessions and keys, through the API: who gets in, with what, and when no longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.errors import AccessDenied, Conflict, InvalidInput, NotFound
from muxi.runtime.principal import LOCAL

PASSWORD = "correct horse battery"


@pytest.fixture
async def muxi(storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Served]:
    memory = {"embedder": "none"}
    async with served(tmp_path, lambda request: "ok", memory=memory, **storage) as living:
        yield living


@asynccontextmanager
async def browser() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


def form(name: str, password: str, **more: str) -> dict[str, str]:
    return {"name": name, "password": password, **more}


async def sign_in(
    muxi: Served, session: aiohttp.ClientSession, name: str, password: str = PASSWORD, **more: str
) -> tuple[int, str]:
    """The status of an attempt, and the page that is shown."""
    data = form(name, password, **more)
    async with session.post(f"{muxi.url}/login", data=data, allow_redirects=False) as response:
        return response.status, await response.text()


async def status_of(muxi: Served, session: aiohttp.ClientSession, path: str = "/api/me") -> int:
    async with session.get(muxi.url + path) as response:
        return response.status


async def as_key(muxi: Served, stack: AsyncExitStack, key: str) -> Client:
    return await stack.enter_async_context(Client(muxi.url, token=key))


async def test_a_user_signs_in_with_a_password_and_out_again(muxi: Served) -> None:
    await muxi.client.users.create("ann", email="Ann@Example.com", password=PASSWORD)
    async with browser() as ann:
        assert (await sign_in(muxi, ann, "ann", "wrong"))[0] == 401
        status, page = await sign_in(muxi, ann, "nobody <b>")
        assert status == 401
        assert "Name or password is wrong." in page
        assert "nobody &lt;b&gt;" in page
        assert await status_of(muxi, ann) == 401
        assert (await sign_in(muxi, ann, "ann@example.COM"))[0] == 303
        async with ann.get(f"{muxi.url}/api/me") as response:
            me = await response.json()
        assert (me["user"], me["roles"], me["credential"]) == ("ann", ["member"], "session")
        assert await status_of(muxi, ann, "/api/threads") == 200
        assert await status_of(muxi, ann, "/api/users") == 403
        own_page = {"Origin": muxi.url}
        async with ann.post(f"{muxi.url}/api/logout", headers=own_page) as response:
            assert response.status == 204
        assert await status_of(muxi, ann) == 401


async def test_sessions_are_listed_and_ended(muxi: Served) -> None:
    await muxi.client.users.create("ann", password=PASSWORD)
    async with browser() as phone, browser() as laptop:
        for each in (phone, laptop):
            assert (await sign_in(muxi, each, "ann"))[0] == 303
        async with laptop.get(f"{muxi.url}/api/me/sessions") as response:
            listed = (await response.json())["items"]
        assert [one["how"] for one in listed] == ["password", "password"]
        (other,) = [one["id"] for one in listed if not one["current"]]
        headers = {"Origin": muxi.url}
        url = f"{muxi.url}/api/me/sessions/{other}"
        async with laptop.delete(url, headers=headers) as response:
            assert response.status == 204
        assert (await status_of(muxi, phone), await status_of(muxi, laptop)) == (401, 200)
        await muxi.client.users.sign_out("ann")
        assert await status_of(muxi, laptop) == 401
        assert (await muxi.client.users.sessions("ann")).items == []


async def test_a_new_password_ends_the_other_sessions(muxi: Served) -> None:
    await muxi.client.users.create("ann", password=PASSWORD)
    async with browser() as phone, browser() as laptop:
        for each in (phone, laptop):
            await sign_in(muxi, each, "ann")
        url, headers = f"{muxi.url}/api/me/password", {"Origin": muxi.url}
        fresh = {"current": "not it at all", "password": "another horse entirely"}
        async with laptop.put(url, json=fresh, headers=headers) as response:
            assert response.status == 403
        fresh["current"] = PASSWORD
        async with laptop.put(url, json=fresh, headers=headers) as response:
            assert response.status == 204
        assert (await status_of(muxi, phone), await status_of(muxi, laptop)) == (401, 200)
        assert (await sign_in(muxi, phone, "ann"))[0] == 401
        assert (await sign_in(muxi, phone, "ann", "another horse entirely"))[0] == 303


async def test_a_disabled_user_has_nothing_that_is_good(muxi: Served) -> None:
    await muxi.client.users.create("ann", password=PASSWORD)
    made = await muxi.client.keys.create(user="ann")
    async with browser() as ann, Client(muxi.url, token=made.key) as program:
        await sign_in(muxi, ann, "ann")
        assert (await program.users.me()).user == "ann"
        await muxi.client.users.change("ann", disabled=True)
        with pytest.raises(AccessDenied, match="missing or wrong"):
            await program.status()
        assert await status_of(muxi, ann) == 401
        assert (await sign_in(muxi, ann, "ann"))[0] == 401
        await muxi.client.users.change("ann", disabled=False)
        assert (await program.status()).version


async def test_guessing_is_stopped(muxi: Served) -> None:
    await muxi.client.users.create("ann", password=PASSWORD)
    async with browser() as thief:
        pages = [await sign_in(muxi, thief, "ann", f"guess {n}") for n in range(6)]
        assert all(status == 401 for status, _ in pages)
        assert "too many attempts" in pages[-1][1]
        # Now the right one is of no use either.
        assert (await sign_in(muxi, thief, "ann"))[0] == 401


@pytest.mark.parametrize(
    ("password", "told"),
    [
        ("short", "at least 12"),
        ("x" * 1025, "1024"),
        ("annannannann", "easy"),
        ("aaaaaaaaaaaab", "easy"),
    ],
)
async def test_a_poor_password_is_refused(muxi: Served, password: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        await muxi.client.users.create("annannannann", password=password)
    with pytest.raises(NotFound):
        await muxi.client.users.get("annannannann")


async def test_a_key_is_what_its_user_is(muxi: Served) -> None:
    await muxi.client.users.create("bot", kind="service", roles=["member"])
    with pytest.raises(InvalidInput, match="no password"):
        await muxi.client.users.set_password("bot", PASSWORD)
    made = await muxi.client.keys.create(user="bot", name="nightly")
    assert made.key.startswith(made.prefix + "_")
    assert made.prefix.startswith("muxi_key_default_")
    async with Client(muxi.url, token=made.key) as bot:
        thread = await bot.create_thread("Mine")
        assert thread.owner == "bot"
        with pytest.raises(AccessDenied):
            await bot.users.page()
        (listed,) = (await bot.keys.page()).items
        assert (listed.id, listed.name) == (made.id, "nightly")
        assert listed.used_at is not None
    with pytest.raises(NotFound):
        await muxi.client.thread(thread.id)
    kept = await muxi.runtime.database.read(LOCAL, lambda tx: tx.raw("SELECT * FROM credentials"))
    assert made.id in str(kept)
    assert made.key.rpartition("_")[2] not in str(kept)


async def test_a_key_cannot_do_more_than_its_scopes(muxi: Served) -> None:
    made = await muxi.client.keys.create(scopes=["threads.read", "keys.*"], name="looks")
    async with Client(muxi.url, token=made.key) as narrow:
        assert (await narrow.threads()).items == []
        for forbidden in (
            narrow.create_thread("x"),
            narrow.users.page(),
            narrow.start_run("hi"),
            narrow.keys.create(),
            narrow.keys.create(scopes=["threads.*"]),
            narrow.keys.create(scopes=["*"]),
        ):
            with pytest.raises(AccessDenied):
                await forbidden
        narrower = await narrow.keys.create(scopes=["threads.read"])
        wide = await muxi.client.keys.create(name="wide")
        with pytest.raises(AccessDenied):
            await narrow.keys.rotate(wide.id)
    async with Client(muxi.url, token=narrower.key) as narrowest:
        with pytest.raises(AccessDenied):
            await narrowest.keys.page()


async def test_a_key_with_scopes_opens_no_session_that_has_none(muxi: Served) -> None:
    await muxi.client.users.create("ann", password=PASSWORD)
    made = await muxi.client.keys.create(scopes=["users.*"])
    async with Client(muxi.url, token=made.key) as narrow:
        for forbidden in (
            narrow.login_link(),
            narrow.login_link("ann"),
            narrow.users.set_password("ann", "another horse entirely"),
        ):
            with pytest.raises(AccessDenied):
                await forbidden
        assert (await narrow.users.get("ann")).has_password
    whole = await muxi.client.keys.create(scopes=["users.*", "roles.assign"])
    async with Client(muxi.url, token=whole.key) as client:
        assert await client.login_link("ann")


async def test_a_new_key_lives_no_longer_than_keys_may_now(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    day = timedelta(days=1)
    async with served(tmp_path, [], **storage) as muxi:
        ever = await muxi.client.keys.create()
        long = await muxi.client.keys.create(expires_at=datetime.now(UTC) + 90 * day)
    async with served(tmp_path, [], identity={"keys": {"days": 30}}, **storage) as muxi:
        for old in (ever, long):
            new = await muxi.client.keys.rotate(old.id)
            assert new.expires_at is not None
            assert new.expires_at <= datetime.now(UTC) + 30 * day


async def test_a_rotated_key_is_good_until_the_overlap_ends(muxi: Served) -> None:
    old = await muxi.client.keys.create(name="ci", scopes=["project.read"])
    new = await muxi.client.keys.rotate(old.id, overlap_seconds=3600)
    assert (new.name, new.scopes) == ("ci", ["project.read"])
    async with AsyncExitStack() as stack:
        for key in (old.key, new.key):
            assert (await (await as_key(muxi, stack, key)).status()).version
        shown = await muxi.client.keys.get(old.id)
        assert shown.replaced_by == new.id
        assert shown.expires_at is not None
        with pytest.raises(Conflict):
            await muxi.client.keys.rotate(old.id)
        last = await muxi.client.keys.rotate(new.id, overlap_seconds=0)
        with pytest.raises(AccessDenied):
            await (await as_key(muxi, stack, new.key)).status()
        client = await as_key(muxi, stack, last.key)
        assert (await client.status()).version
        await muxi.client.keys.revoke(last.id)
        with pytest.raises(AccessDenied):
            await client.status()


async def test_a_key_expires(muxi: Served) -> None:
    with pytest.raises(InvalidInput, match="expired already"):
        await muxi.client.keys.create(expires_at=datetime.now(UTC) - timedelta(seconds=1))
    soon = datetime.now(UTC) + timedelta(seconds=2)
    made = await muxi.client.keys.create(expires_at=soon)
    async with Client(muxi.url, token=made.key) as program:
        async with asyncio.timeout(60):
            while True:
                try:
                    await program.status()
                except AccessDenied:
                    break
        assert datetime.now(UTC) >= soon


async def test_keys_of_others_are_not_there(muxi: Served) -> None:
    for name in ("ann", "bob"):
        await muxi.client.users.create(name)
    mine = await muxi.client.keys.create(user="ann")
    theirs = await muxi.client.keys.create(user="bob")
    async with Client(muxi.url, token=mine.key) as ann:
        assert [key.id for key in (await ann.keys.page()).items] == [mine.id]
        for asked in (
            ann.keys.get(theirs.id),
            ann.keys.rotate(theirs.id),
            ann.keys.revoke(theirs.id),
        ):
            with pytest.raises(NotFound):
                await asked
        for refused in (ann.keys.page("bob"), ann.keys.page("*"), ann.keys.create(user="bob")):
            with pytest.raises(AccessDenied):
                await refused
    everybody = await muxi.client.keys.page("*")
    assert {key.user for key in everybody.items} == {"ann", "bob"}


async def test_who_manages_users_does_not_become_an_administrator(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    roles = {"manager": {"allow": ["users.*", "groups.*", "keys.*", "project.read"]}}
    async with served(tmp_path, [], identity={"roles": roles}, **storage) as muxi:
        await muxi.client.groups.put("admins", roles=["admin"])
        await muxi.client.users.create("root", groups=["admins"])
        await muxi.client.users.create("mia", roles=["manager", "member"])
        made = await muxi.client.keys.create(user="mia")
        async with Client(muxi.url, token=made.key) as mia:
            await mia.users.create("new", password=PASSWORD)
            await mia.users.set_password("new", "another horse entirely")
            for refused in (
                mia.users.create("evil", roles=["admin"]),
                mia.users.create("evil", groups=["admins"]),
                mia.users.change("mia", roles=["admin"]),
                mia.groups.add("admins", "mia"),
                mia.groups.put("mine", roles=["admin"]),
                mia.users.set_password("root", PASSWORD),
                mia.keys.create(user="root"),
                mia.keys.create(user="local"),
                mia.login_link("root"),
                mia.users.delete("root"),
            ):
                with pytest.raises(AccessDenied):
                    await refused


async def test_a_role_that_there_is_not_is_given_to_nobody(muxi: Served) -> None:
    users, groups = muxi.client.users, muxi.client.groups
    await users.create("ann")
    for giving in (
        users.create("ben", roles=["member", "supprt"]),
        users.change("ann", roles=["supprt"]),
        groups.put("desk", roles=["supprt"]),
    ):
        with pytest.raises(InvalidInput, match="no role supprt"):
            await giving
    assert (await users.get("ann")).roles == ["member"]


async def test_what_is_no_step_of_an_address_is_nothing(muxi: Served) -> None:
    for name in ("a/b", "..", ".", ""):
        with pytest.raises(NotFound, match="Nothing is called"):
            await muxi.client.groups.put(name)


async def test_groups_give_their_roles(muxi: Served) -> None:
    await muxi.client.users.create("ann", roles=[])
    made = await muxi.client.keys.create(user="ann")
    async with Client(muxi.url, token=made.key) as ann:
        with pytest.raises(AccessDenied):
            await ann.status()
        assert (await ann.users.me()).roles == []
        await muxi.client.groups.put("staff", roles=["member"])
        await muxi.client.groups.add("staff", "ann")
        assert (await ann.users.me()).groups == ["staff"]
        assert (await ann.status()).version
        members = await muxi.client.groups.members("staff")
        assert [user.id for user in members.items] == ["ann"]
        await muxi.client.groups.remove("staff", "ann")
        with pytest.raises(AccessDenied):
            await ann.status()


async def test_tenants_do_not_see_each_other(muxi: Served) -> None:
    await muxi.client.tenants.create("acme", "Acme Ltd")
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(
            Client(muxi.url, token=muxi.runtime.state.token(), tenant="acme")
        )
        await operator.users.create("ann", roles=["admin"], password=PASSWORD)
        made = await operator.keys.create(user="ann")
        assert made.prefix.startswith("muxi_key_acme_")
        ann = await as_key(muxi, stack, made.key)
        await muxi.client.users.create("ann", roles=["admin"])
        thread = await ann.create_thread("Secret")
        here = Client(muxi.url, token=muxi.runtime.state.token(), user="ann")
        here = await stack.enter_async_context(here)
        assert (await here.threads()).items == []
        with pytest.raises(NotFound):
            await here.thread(thread.id)
        assert [user.id for user in (await ann.users.page()).items] == ["ann"]
        for refused in (
            ann.tenants.page(),
            ann.tenants.create("mine"),
            ann.tenants.get("acme"),
            ann.secrets.names(),
            ann.secrets.put("OPENAI_API_KEY", "mine"),
            ann.memories.retention(),
        ):
            with pytest.raises(AccessDenied):
                await refused
        stray = Client(muxi.url, token=made.key, tenant="default")
        with pytest.raises(AccessDenied):
            await (await stack.enter_async_context(stray)).status()
        lost = Client(muxi.url, token=muxi.runtime.state.token(), tenant="no-such")
        with pytest.raises(NotFound):
            await (await stack.enter_async_context(lost)).threads()
        session = await stack.enter_async_context(browser())
        assert (await sign_in(muxi, session, "ann"))[0] == 401
        assert (await sign_in(muxi, session, "ann", tenant="acme"))[0] == 303
        await muxi.client.tenants.change("acme", disabled=True)
        with pytest.raises(AccessDenied):
            await ann.status()
        assert await status_of(muxi, session) == 401
        with pytest.raises(Conflict):
            await muxi.client.tenants.change("default", disabled=True)


async def test_a_stolen_tenant_or_id_in_a_key_is_of_no_use(muxi: Served) -> None:
    await muxi.client.tenants.create("acme")
    made = await muxi.client.keys.create()
    other = await muxi.client.keys.create()
    secret, check = made.key.rpartition("_")[2][:-8], made.key[-8:]
    forged = [
        made.key.replace("_default_", "_acme_"),
        made.key.replace("muxi_key_", "muxi_session_"),
        made.key.replace("muxi_key_", "muxi_link_"),
        f"{other.prefix}_{secret}{check}",
        made.key[:-1] + ("0" if made.key[-1] != "0" else "1"),
        made.prefix,
        made.key + "0",
        made.key.upper(),
        "muxi_key_" + "a" * 5000,
    ]
    for text in forged:
        async with Client(muxi.url, token=text) as thief:
            with pytest.raises(AccessDenied, match="missing or wrong"):
                await thief.status()
    # A key is no cookie, and a cookie no key.
    async with aiohttp.ClientSession(headers={"Cookie": f"muxi_session={made.key}"}) as session:
        assert await status_of(muxi, session) == 401
    async with browser() as session:
        async with session.get(await muxi.client.login_link()):
            pass
        (cookie,) = [each.value for each in session.cookie_jar]
    async with Client(muxi.url, token=cookie) as thief:
        with pytest.raises(AccessDenied):
            await thief.status()


async def test_the_local_user_stays_what_it_is(muxi: Served) -> None:
    for refused in (
        muxi.client.users.create("local"),
        muxi.client.users.change("local", disabled=True),
        muxi.client.users.change("local", roles=["viewer"]),
        muxi.client.users.delete("local"),
    ):
        with pytest.raises(Conflict):
            await refused
    await muxi.client.users.set_password("local", PASSWORD)
    async with browser() as admin:
        assert (await sign_in(muxi, admin, "local"))[0] == 303
        assert await status_of(muxi, admin, "/api/users") == 200


async def test_users_are_paged_by_their_ids(muxi: Served) -> None:
    for name in ("c", "a", "李雷", "b"):
        await muxi.client.users.create(name)
    found: list[str] = []
    cursor = None
    while True:
        page = await muxi.client.users.page(cursor=cursor, limit=2)
        found += [user.id for user in page.items]
        if (cursor := page.next) is None:
            break
    assert found == ["a", "b", "c", "local", "李雷"]
    with pytest.raises(Conflict):
        await muxi.client.users.create("a")
    await muxi.client.users.create("mail", email="a@example.com")
    with pytest.raises(Conflict):
        await muxi.client.users.change("a", email="A@EXAMPLE.com")


async def test_a_link_for_a_user_signs_in_that_user(muxi: Served) -> None:
    await muxi.client.users.create("ann")
    async with browser() as ann:
        async with ann.get(await muxi.client.login_link("ann"), allow_redirects=False) as answer:
            assert answer.status == 303
        async with ann.get(f"{muxi.url}/api/me") as response:
            assert (await response.json())["user"] == "ann"
    await muxi.client.users.delete("ann")
    with pytest.raises(NotFound):
        await muxi.client.login_link("ann")


async def test_a_link_ends_with_the_sessions_of_its_user(muxi: Served) -> None:
    await muxi.client.users.create("ann", password=PASSWORD)
    links = [await muxi.client.login_link("ann")]
    await muxi.client.users.sign_out("ann")
    links.append(await muxi.client.login_link("ann"))
    await muxi.client.users.set_password("ann", "another horse entirely")
    kept = await muxi.client.login_link("ann")
    async with browser() as thief:
        for link, status in ((links[0], 401), (links[1], 401), (kept, 303)):
            async with thief.get(link, allow_redirects=False) as answer:
                assert answer.status == status


async def test_a_secret_is_not_told_twice(muxi: Served) -> None:
    headers = {"Idempotency-Key": "once"}
    url = f"{muxi.url}/api/keys"
    async with muxi.http.post(url, json={"name": "a"}, headers=headers) as response:
        assert response.status == 201
    async with muxi.http.post(url, json={"name": "a"}, headers=headers) as response:
        assert response.status == 409
    assert len((await muxi.client.keys.page()).items) == 1


async def test_signing_in_and_out_is_entered_in_the_audit_log(muxi: Served) -> None:
    await muxi.client.users.create("ann", password=PASSWORD)
    async with browser() as ann:
        await sign_in(muxi, ann, "ann", "wrong wrong wrong")
        await sign_in(muxi, ann, "ann", tenant="no-such")
        await sign_in(muxi, ann, "ann")
        async with ann.post(f"{muxi.url}/api/logout", headers={"Origin": muxi.url}) as answer:
            assert answer.status == 204
    page = await muxi.runtime.audit.page("default")
    told = [(entry.action, entry.outcome, entry.actor) for entry in page.items]
    for entered in (
        ("account.sign_in", "refused", ""),
        ("account.sign_in", "done", "ann"),
        ("account.sign_out", "done", "ann"),
        ("users.write", "done", "local"),
    ):
        assert entered in told
    assert PASSWORD not in str(page)
