"""Lists come in parts, everywhere and whole; and what was missing from the API is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.served import Served, served

from muxi.core.messages import TextPart
from muxi.runtime.principal import LOCAL
from muxi.server.table import all_operations
from muxi.storage import messages


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    agents = {name: {"name": name} for name in "abcdefg"}
    async with served(tmp_path, lambda request: "ok", agents=agents) as living:
        yield living


async def _get(muxi: Served, path: str) -> tuple[int, Any]:
    async with muxi.http.get(muxi.url + path) as response:
        return response.status, json.loads(await response.read())


async def _all(muxi: Served, path: str, limit: int) -> list[Any]:
    """All items of a list, in parts of at most `limit`."""
    found: list[Any] = []
    cursor = ""
    for _ in range(100):
        status, page = await _get(muxi, f"{path}?limit={limit}{cursor}")
        assert status == 200, page
        assert len(page["items"]) <= limit
        found += page["items"]
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"
    raise AssertionError("the list has no end")


def test_every_list_has_a_cursor_and_a_limit() -> None:
    lists = [
        each for each in all_operations() if each.answer and each.answer.__name__[:5] == "Page["
    ]
    assert len(lists) > 20
    for each in lists:
        assert {"cursor", "limit"} <= each.query.model_fields.keys(), each.path


async def test_short_lists_come_in_parts_too(muxi: Served) -> None:
    names = [agent["name"] for agent in await _all(muxi, "/api/agents", 3)]
    assert names == list("abcdefg")
    assert [agent.name for agent in await muxi.client.agents()] == names
    status, page = await _get(muxi, "/api/agents?limit=2")
    await muxi.runtime.set_secret("A", "x")
    assert [each["name"] for each in page["items"]] == ["a", "b"]
    for cursor in ("none", "MQ", "MTIzNDU2Nzg5MDEyCmE"):
        status, _ = await _get(muxi, f"/api/agents?cursor={cursor}")
        assert status == 422


async def test_a_list_goes_on_behind_what_was_last_even_if_it_moved(muxi: Served) -> None:
    for name in "BDF":
        await muxi.runtime.set_secret(name, "x")
    _, page = await _get(muxi, "/api/secrets?limit=2")
    assert [each["name"] for each in page["items"]] == ["B", "D"]
    await muxi.runtime.set_secret("A", "x")
    _, after = await _get(muxi, f"/api/secrets?limit=2&cursor={page['next']}")
    assert [each["name"] for each in after["items"]] == ["F"]
    await muxi.runtime.delete_secret("D")
    _, after = await _get(muxi, f"/api/secrets?limit=2&cursor={page['next']}")
    # Rather something twice than something left out.
    assert [each["name"] for each in after["items"]] == ["B", "F"]


async def test_the_messages_of_a_thread_come_in_parts_of_one_path(muxi: Served) -> None:
    thread = await muxi.client.create_thread()
    for number in range(4):
        run = await muxi.client.start_run(f"{number}", thread_id=thread.id)
        await muxi.follow(run.id)
    path = f"/api/threads/{thread.id}/messages"
    said = await muxi.client.messages(thread.id)
    assert len(said) == 8
    assert [each["id"] for each in await _all(muxi, path, 3)] == [each.id for each in said]
    _, page = await _get(muxi, f"{path}?limit=5")
    # A fork makes another path the thread's own; these pages stay on theirs.
    fork = await muxi.client.start_run("fork", thread_id=thread.id, parent_id=said[1].id)
    await muxi.follow(fork.id)
    _, rest = await _get(muxi, f"{path}?limit=5&cursor={page['next']}")
    together = [each["id"] for each in (*page["items"], *rest["items"])]
    assert together == [each.id for each in said]
    assert len(await muxi.client.messages(thread.id)) == 4


async def test_a_message_is_found_on_every_branch(muxi: Served) -> None:
    run = await muxi.client.start_run("Hello")
    await muxi.follow(run.id)
    first = (await muxi.client.messages(run.thread_id))[0]
    status, found = await _get(muxi, f"/api/messages/{first.id}")
    assert (status, found["parts"][0]["text"]) == (200, "Hello")
    assert (await _get(muxi, "/api/messages/msg_x"))[0] == 404
    kept = await muxi.runtime.database.read(LOCAL, lambda tx: messages.get(tx, first.id))
    assert kept.parts == [TextPart(text="Hello")]


async def test_an_agent_has_versions(muxi: Served) -> None:
    url = f"{muxi.url}/api/agents/z"
    hashes: list[str] = []
    for words in ("One.", "Two."):
        async with muxi.http.put(url, json={"name": "z", "instructions": words}) as response:
            hashes.append(json.loads(await response.read())["hash"])
    versions = await _all(muxi, "/api/agents/z/versions", 1)
    assert [(each["number"], each["current"]) for each in versions] == [(2, True), (1, False)]
    assert [each["hash"] for each in versions] == hashes[::-1]
    _, first = await _get(muxi, f"/api/agents/z/versions/{hashes[0]}")
    assert first["definition"]["instructions"] == "One."
    assert (await _get(muxi, "/api/agents/z/versions/none"))[0] == 404
    assert (await _get(muxi, "/api/agents/nobody/versions"))[0] == 404
    run = await muxi.client.start_run("Hello", agent="z")
    await muxi.follow(run.id)
    async with muxi.http.delete(url) as response:
        assert response.status == 204
    assert (await _get(muxi, "/api/agents/z"))[0] == 404
    assert (await _get(muxi, f"/api/agents/z/versions/{hashes[1]}"))[0] == 200
    async with muxi.http.delete(f"{muxi.url}/api/agents/a") as response:
        assert response.status == 409


async def test_what_happens_everywhere_is_told_in_the_order_of_commits(muxi: Served) -> None:
    status, page = await _get(muxi, "/api/events")
    assert (status, page["items"]) == (200, [])
    runs = [await muxi.client.start_run(f"{number}") for number in range(3)]
    for run in runs:
        await muxi.follow(run.id)
    cursor, told = page["next"], []
    while True:
        _, page = await _get(muxi, f"/api/events?limit=2&cursor={cursor}")
        if not page["items"] and page["next"] == cursor:
            break
        told += [(each["thread_id"], each["event"]["type"]) for each in page["items"]]
        cursor = page["next"]
    for run in runs:
        types = [kind for thread, kind in told if thread == run.thread_id]
        assert types == ["run.started", "message.completed", "run.completed"]
    assert (await _get(muxi, "/api/events?cursor=none"))[0] == 422
