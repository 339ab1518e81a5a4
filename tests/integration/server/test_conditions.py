"""ETags: what has not changed is not sent again, and what has is not overwritten."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.postgres import PostgresAddress
from support.served import Served, served


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.ci)])
async def muxi(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Served]:
    declared: dict[str, Any] = {}
    if request.param == "postgresql":
        address: PostgresAddress = request.getfixturevalue("postgres_database")
        declared["storage"] = {"url": address.url, "owner_url": address.owner_url}
    async with served(tmp_path, lambda request: "ok", **declared) as living:
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
    assert answers[0][0] in (200, 412, 503)
    if answers[0][0] != 200:
        assert title == "careless"


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
