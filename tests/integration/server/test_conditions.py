"""ETags: what has not changed is not sent again, and what has is not overwritten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress
from support.served import Served, served

from muxi.core.errors import Conflict, NotFound
from muxi.core.policies import PolicyRule, Role
from muxi.core.scope import Scope
from muxi.server.table import all_operations
from muxi.storage import rules as stored


@pytest.fixture
async def muxi(storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, lambda request: "ok", **storage) as living:
        yield living


async def _ask(
    muxi: Served, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with muxi.http.request(method, muxi.url + path, json=body, headers=named) as response:
        return response.status, response.headers.get("ETag", ""), await response.text()


async def test_what_a_client_has_already_is_not_sent_again(muxi: Served) -> None:
    thread = await muxi.client.create_thread("One")
    path = f"/api/threads/{thread.id}"
    status, tag, _ = await _ask(muxi, "GET", path)
    assert status == 200
    assert tag.startswith('"')
    assert await _ask(muxi, "GET", path, If_None_Match=tag) == (304, tag, "")
    assert await _ask(muxi, "GET", path, If_None_Match=f'"other", W/{tag}') == (304, tag, "")
    assert (await _ask(muxi, "GET", path, If_None_Match="*"))[0] == 304
    await muxi.client.rename_thread(thread.id, "Two")
    status, fresh, told = await _ask(muxi, "GET", path, If_None_Match=tag)
    assert (status, json.loads(told)["title"]) == (200, "Two")
    assert fresh != tag


async def test_a_client_changes_a_rule_as_it_has_seen_it_or_not_at_all(muxi: Served) -> None:
    rules = muxi.client.rules
    await rules.put_role(Role(name="support", allow=["runs.read"]), new=True)
    await rules.put_policy(PolicyRule(name="quiet", effect="deny", permissions=["mcp.use"]))
    said = "Helps."

    def describe(role: Role) -> Role:
        return role.model_copy(update={"description": said})

    assert (await rules.change_role("support", describe)).allow == ["runs.read"]

    def elsewhere(role: Role) -> Role:
        fresh = role.model_copy(update={"allow": ["runs.*"]})
        muxi.runtime.database.write_blocking(
            Scope("default", None), lambda tx: stored.put_role(tx, fresh)
        )
        return describe(role)

    said = "Helps others."
    with pytest.raises(Conflict, match="Somebody else changed support"):
        await rules.change_role("support", elsewhere)
    [role] = [each for each in await rules.roles() if each.name == "support"]
    assert (role.description, role.allow) == ("Helps.", ["runs.*"])
    fresh = await rules.change_policy("quiet", lambda it: it.model_copy(update={"reason": "Hush."}))
    assert (fresh.reason, fresh.permissions) == ("Hush.", ["mcp.use"])
    with pytest.raises(Conflict, match="built in"):
        await rules.change_role("member", describe)
    with pytest.raises(NotFound):
        await rules.change_role("nobody", describe)


async def test_a_change_names_the_version_that_it_changes(muxi: Served) -> None:
    thread = await muxi.client.create_thread("One")
    path = f"/api/threads/{thread.id}"
    _, tag, _ = await _ask(muxi, "GET", path)
    status, second, _ = await _ask(muxi, "PATCH", path, {"title": "Two"}, If_Match=tag)
    assert status == 200
    assert (await _ask(muxi, "GET", path))[1] == second
    status, _, told = await _ask(muxi, "PATCH", path, {"title": "Three"}, If_Match=tag)
    assert (status, json.loads(told)["code"]) == (412, "precondition_failed")
    status, _, _ = await _ask(muxi, "PATCH", path, {"title": "Three"}, If_Match=f"W/{second}")
    assert status == 412
    status, _, _ = await _ask(muxi, "DELETE", path, If_Match=tag)
    assert status == 412
    assert (await muxi.client.thread(thread.id)).title == "Two"
    assert (await _ask(muxi, "DELETE", path, If_Match=f'"x", {second}'))[0] == 204
    assert (await _ask(muxi, "DELETE", path, If_Match="*"))[0] == 404


async def test_an_agent_is_not_overwritten_unseen(muxi: Served) -> None:
    path = "/api/agents/b"
    assert (await _ask(muxi, "PUT", path, {"name": "b"}))[0] == 200
    _, tag, _ = await _ask(muxi, "GET", path)
    body = {"name": "b", "instructions": "Be brief."}
    status, fresh, _ = await _ask(muxi, "PUT", path, body, If_Match=tag)
    assert (status, fresh) == (200, (await _ask(muxi, "GET", path))[1])
    assert (await _ask(muxi, "PUT", path, {"name": "b"}, If_Match=tag))[0] == 412


async def test_a_condition_holds_whatever_the_query_says_beside(muxi: Served) -> None:
    _, _, told = await _ask(muxi, "POST", "/api/memories", {"text": "The garden is green."})
    path = f"/api/memories/{json.loads(told)['id']}"
    _, tag, _ = await _ask(muxi, "GET", path)
    status, _, told = await _ask(muxi, "DELETE", f"{path}?owner=user:local", If_Match='"x"')
    assert (status, json.loads(told)["code"]) == (412, "precondition_failed")
    assert (await _ask(muxi, "DELETE", f"{path}?owner=user:local", If_Match=tag))[0] == 204


async def test_of_many_changes_of_one_version_one_is_made(muxi: Served) -> None:
    thread = await muxi.client.create_thread("One")
    path = f"/api/threads/{thread.id}"
    _, tag, _ = await _ask(muxi, "GET", path)
    answers = await asyncio.gather(
        *(_ask(muxi, "PATCH", path, {"title": f"{number}"}, If_Match=tag) for number in range(10))
    )
    assert sorted(status for status, _, _ in answers) == [200] + [412] * 9


async def test_a_change_between_the_look_and_the_write_is_seen(muxi: Served) -> None:
    thread = await muxi.client.create_thread("One")
    path = f"/api/threads/{thread.id}"
    _, tag, _ = await _ask(muxi, "GET", path)
    # One that asks for no condition does not wait for those that do.
    answers = await asyncio.gather(
        _ask(muxi, "PATCH", path, {"title": "careful"}, If_Match=tag),
        _ask(muxi, "PATCH", path, {"title": "careless"}),
    )
    title = (await muxi.client.thread(thread.id)).title
    assert answers[1][0] == 200
    assert answers[0][0] in (200, 412)
    if answers[0][0] != 200:
        assert title == "careless"


@dataclass(frozen=True)
class Changeable:
    """Something that can be changed, by the address at which it is read."""

    path: str
    method: str
    change: Callable[[int], Any]
    """The body of a change, which differs with the number; None for a removal."""
    make: tuple[str, str, Any] | None = None
    """The request that makes it; None for a `PUT` of its first body."""


CHANGEABLE = [
    Changeable(
        "/api/threads/{id}", "PATCH", lambda n: {"title": f"{n}"}, ("POST", "/api/threads", {})
    ),
    Changeable("/api/agents/b", "PUT", lambda n: {"name": "b", "instructions": f"{n}"}),
    Changeable("/api/budgets/b", "PUT", lambda n: {"per": "run", "tokens": n + 1}),
    Changeable(
        "/api/users/ann", "PATCH", lambda n: {"name": f"{n}"}, ("POST", "/api/users", {"id": "ann"})
    ),
    Changeable("/api/groups/g", "PUT", lambda n: {"description": f"{n}"}),
    Changeable("/api/roles/r", "PUT", lambda n: {"name": "r", "description": f"{n}"}),
    Changeable(
        "/api/policies/p",
        "PUT",
        lambda n: {"name": "p", "effect": "deny", "permissions": ["mcp.use"], "reason": f"{n}"},
    ),
    Changeable(
        "/api/tenants/t", "PATCH", lambda n: {"name": f"{n}"}, ("POST", "/api/tenants", {"id": "t"})
    ),
    Changeable("/api/facts?path=city", "PUT", lambda n: {"value": f"{n}"}),
    Changeable("/api/keys/{id}", "DELETE", lambda n: None, ("POST", "/api/keys", {})),
    Changeable(
        "/api/knowledge/{id}", "DELETE", lambda n: None, ("POST", "/api/knowledge", {"text": "Hi."})
    ),
    Changeable(
        "/api/memories/{id}", "DELETE", lambda n: None, ("POST", "/api/memories", {"text": "x"})
    ),
]


async def _made(muxi: Served, thing: Changeable) -> str:
    """Its address, with its id."""
    method, path, body = thing.make or (thing.method, thing.path, thing.change(0))
    status, _, told = await _ask(muxi, method, path, body)
    assert status in (200, 201), told
    if thing.path.startswith("/api/knowledge"):
        await muxi.runtime.knowledge.settled()
    return thing.path.format(id=json.loads(told).get("id", ""))


async def test_whatever_can_be_changed_is_not_overwritten_unseen(muxi: Served) -> None:
    for thing in CHANGEABLE:
        path = await _made(muxi, thing)
        _, seen, _ = await _ask(muxi, "GET", path)
        status, _, told = await _ask(muxi, thing.method, path, thing.change(1), If_Match='"other"')
        assert (status, json.loads(told)["code"]) == (412, "precondition_failed"), path
        status, _, told = await _ask(muxi, thing.method, path, thing.change(2), If_Match=seen)
        assert status in (200, 204), (path, told)
        status, _, told = await _ask(muxi, thing.method, path, thing.change(3), If_Match=seen)
        assert status == (404 if thing.method == "DELETE" else 412), (path, told)


@pytest.mark.ci
async def test_of_many_changes_at_two_nodes_one_is_made(
    postgres_database: PostgresAddress, tmp_path: Path
) -> None:
    storage = {"url": postgres_database.url, "owner_url": postgres_database.owner_url}
    async with (
        served(tmp_path / "a", lambda request: "ok", storage=storage) as one,
        served(tmp_path / "b", lambda request: "ok", storage=storage) as two,
    ):
        for thing in CHANGEABLE:
            path = await _made(one, thing)
            _, seen, _ = await _ask(one, "GET", path)
            answers = await asyncio.gather(
                *(
                    _ask(node, thing.method, path, thing.change(number), If_Match=seen)
                    for number, node in enumerate([one, two] * 4, start=1)
                )
            )
            others = [404] * 7 if thing.method == "DELETE" else [412] * 7
            expected = sorted([204 if thing.method == "DELETE" else 200, *others])
            assert sorted(status for status, _, _ in answers) == expected, path


WITHOUT = {
    "PATCH /api/files/{id}": "tus has its own condition: the offset",
    "DELETE /api/mcp/servers/{name}/lock": "the lock is a file beside muxi.yaml, not a row",
    "PUT /api/users/{id}/identities": "a list, to which one is added",
    "DELETE /api/users/{id}/identities": "a list, from which one is taken",
    "DELETE /api/users/{id}/sessions": "a list, which ends whatever is in it",
    "DELETE /api/me/sessions": "likewise",
    "DELETE /v1/responses/{id}": "a protocol that has no conditions",
    "DELETE /v1/conversations/{id}": "likewise",
    "DELETE /v1/conversations/{id}/items/{item}": "likewise",
    "DELETE /v1/files/{id}": "likewise",
}
"""What is changed without a condition in its transaction, and why."""


def test_every_change_of_what_can_be_read_has_its_condition() -> None:
    operations = all_operations()
    read = {each.path for each in operations if each.method == "GET"}
    without = {
        f"{each.method} {each.path}"
        for each in operations
        if each.method in ("PUT", "PATCH", "DELETE") and each.path in read and each.current is None
    }
    assert without == set(WITHOUT)


async def test_what_is_to_be_new_replaces_nothing(muxi: Served) -> None:
    made = await asyncio.gather(
        *(
            _ask(muxi, "PUT", "/api/groups/g", {"description": f"{number}"}, If_None_Match="*")
            for number in range(5)
        )
    )
    assert sorted(status for status, _, _ in made) == [200] + [412] * 4
    status, _, told = await _ask(muxi, "PUT", "/api/groups/g", {}, If_None_Match="*")
    assert (status, json.loads(told)["code"]) == (412, "precondition_failed")
    assert (await _ask(muxi, "PUT", "/api/groups/g", {}))[0] == 200


@pytest.mark.parametrize("header", ["abc", "", '"a" b', "W/abc"])
async def test_a_header_that_names_no_version_is_refused(muxi: Served, header: str) -> None:
    thread = await muxi.client.create_thread("One")
    status, _, told = await _ask(
        muxi, "PATCH", f"/api/threads/{thread.id}", {"title": "x"}, If_Match=header
    )
    assert status in (400, 422), told
    assert (await muxi.client.thread(thread.id)).title == "One"


async def test_every_answer_bears_the_id_of_its_request(muxi: Served) -> None:
    for path, status in (("/api/threads", 200), ("/api/threads/no", 404), ("/", 200)):
        async with muxi.http.get(muxi.url + path, headers={"X-Request-Id": "abc-1.2"}) as response:
            assert (response.status, response.headers["X-Request-Id"]) == (status, "abc-1.2")
            if status == 404:
                assert json.loads(await response.read())["request_id"] == "abc-1.2"
    for sent in ("", "a b", "x" * 129, "<script>", "ä"):
        async with muxi.http.get(f"{muxi.url}/healthz", headers={"X-Request-Id": sent}) as response:
            assert response.headers["X-Request-Id"].startswith("req_")
    body = {"input": "Hello"}
    async with muxi.http.post(f"{muxi.url}/api/runs/stream", json=body) as response:
        assert response.headers["X-Request-Id"].startswith("req_")
        await response.read()
