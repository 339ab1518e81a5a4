"""Whatever is wrong with a request is answered as RFC 9457 says, with where and what."""

from __future__ import annotations

import asyncio
import json
import logging
from asyncio import StreamReader, StreamWriter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import yarl
from support.served import Served, served

from muxi.server import bodies
from muxi.server.table import all_operations


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, lambda request: "ok") as living:
        yield living


async def _ask(muxi: Served, method: str, path: str, **request: Any) -> tuple[int, dict[str, Any]]:
    async with muxi.http.request(method, muxi.url + path, **request) as response:
        body = json.loads(await response.read())
        assert response.headers["Content-Type"] == "application/problem+json"
        assert {"type", "title", "status", "detail", "code"} <= body.keys()
        return response.status, body


def _json(data: bytes) -> dict[str, Any]:
    return {"data": data, "headers": {"Content-Type": "application/json"}}


@pytest.mark.parametrize("name", ["no name!", "x" * 300, "\x00", "\U000cbf4e"])
async def test_nothing_is_made_under_a_name_that_cannot_be(muxi: Served, name: str) -> None:
    async with muxi.http.get(f"{muxi.url}/openapi.json") as response:
        described = (await response.json())["paths"]
    for path, methods in described.items():
        if path.count("{") != 1 or "put" not in methods:
            continue
        content = methods["put"].get("requestBody", {}).get("content", {})
        body = content.get("application/json", {}).get("example", {})
        if "name" in body:
            body = {**body, "name": name}
        address = muxi.url + path.partition("{")[0] + quote(name, safe="")
        status, problem = await _ask(
            muxi, "PUT", address.removeprefix(muxi.url) + path.partition("}")[2], json=body
        )
        assert status in (403, 404, 422), (path, problem)


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 400, "not JSON"),
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 100_000, 400, "nested too deeply"),
        (b"[]", 422, "an object"),
        (b'{"input": 5}', 422, "input"),
        (b'{"input": "x", "nonsense": 1}', 422, "nonsense"),
        (b"{}", 422, "input"),
        (b'{"input": ""}', 422, "empty"),
        (b'{"input": []}', 422, "empty"),
        (b'{"input": [{"type": "tool_call", "id": "1", "name": "x"}]}', 422, "tool_call"),
        (b'{"input": [{"type": "hologram"}]}', 422, "hologram"),
    ],
)
async def test_a_wrong_body_is_told_with_its_place(
    data: bytes, status: int, words: str, muxi: Served
) -> None:
    found, problem = await _ask(muxi, "POST", "/api/runs", **_json(data))
    assert found == status
    assert words in problem["detail"]
    assert problem["code"] == "invalid_input"
    if status == 422:
        assert problem["details"]["mistakes"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/nothing", 404),
        ("POST", "/nothing", 404),
        ("DELETE", "/api/status", 405),
        ("PUT", "/api/threads", 405),
        ("GET", "/api/threads/thr_x", 404),
        ("GET", "/api/threads/thr%00x/messages", 404),
        ("GET", "/api/runs/run_x", 404),
        ("POST", "/api/runs/run_x/cancel", 404),
        ("GET", "/api/agents/nobody", 404),
        ("GET", "/api/threads?limit=0", 422),
        ("GET", "/api/threads?limit=many", 422),
        ("GET", "/api/threads?cursor=none", 422),
        ("GET", "/api/threads?page=2", 422),
        ("GET", "/api/runs?status=happy", 422),
    ],
)
async def test_a_wrong_request_is_told(method: str, path: str, status: int, muxi: Served) -> None:
    found, problem = await _ask(muxi, method, path)
    assert found == status, problem


async def test_another_media_type_is_refused(muxi: Served) -> None:
    status, problem = await _ask(muxi, "POST", "/api/runs", data=b"input=hi")
    assert status == 415
    assert "application/json" in problem["detail"]


async def test_too_large_a_body_is_refused(muxi: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "MAX_BODY", 1000)
    status, _ = await _ask(muxi, "POST", "/api/runs", **_json(b" " * 2000))
    assert status == 413

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 100

    status, _ = await _ask(muxi, "POST", "/api/runs", **_json(pieces()))  # pyright: ignore[reportArgumentType] -- a body of unknown length
    assert status == 413
    assert (await muxi.client.status()).version


@asynccontextmanager
async def _begun(muxi: Served, length: int) -> AsyncIterator[tuple[StreamReader, StreamWriter]]:
    """A request to start a run whose body is still to come."""
    address = yarl.URL(muxi.url)
    reader, writer = await asyncio.open_connection("127.0.0.1", address.port)
    head = (
        f"POST /api/runs HTTP/1.1\r\nHost: {address.authority}\r\n"
        f"Authorization: Bearer {muxi.runtime.state.token()}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    writer.write(head.encode())
    async with asyncio.timeout(60):
        yield reader, writer
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("begun", [b"", b'{"input"'], ids=["nothing", "a part"])
async def test_a_body_that_does_not_come_holds_no_connection(
    begun: bytes, muxi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 0.2)
    async with _begun(muxi, 1000) as (reader, writer):
        writer.write(begun)
        answer = await reader.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head
    problem = json.loads(body)
    assert (problem["status"], problem["code"]) == (408, "invalid_input")
    assert "in time" in problem["detail"]
    assert problem["hint"]


async def test_a_body_that_has_come_far_is_waited_for_longer(
    muxi: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "BODY_SECONDS", 1.0)
    body = json.dumps({"input": "x" * 2_000_000}).encode()
    async with _begun(muxi, len(body)) as (reader, writer):
        writer.write(body[:1_000_000])
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 1.2)
        writer.write(body[1_000_000:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 201 ")


async def test_what_breaks_inside_is_not_shown(
    muxi: Served, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(who: object) -> None:
        raise ValueError("the key is sk-very-secret-0123456789")

    monkeypatch.setattr(muxi.runtime, "status", broken)
    with caplog.at_level(logging.ERROR, "muxi.server"):
        status, problem = await _ask(muxi, "GET", "/api/status")
    assert status == 500
    assert "secret" not in json.dumps(problem)
    assert problem["details"]["reference"] in caplog.text


async def test_the_description_covers_every_operation(muxi: Served) -> None:
    async with muxi.http.get(f"{muxi.url}/openapi.json") as response:
        assert response.status == 200
        document = json.loads(await response.read())
    assert document["openapi"].startswith("3.1")
    for operation in all_operations():
        described = document["paths"][operation.path][operation.method.lower()]
        assert str(operation.status) in described["responses"]
    for reference in _references(document):
        found = document
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [ref for each in value.values() for ref in _references(each)]
    if isinstance(value, list):
        return [ref for each in value for ref in _references(each)]
    return []


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/assets/../../../secret", "/.env", "/%2e%2e/x.py", "/a\\b.js"]
)
async def test_no_file_outside_the_dashboard_is_given(path: str, muxi: Served) -> None:
    async with muxi.http.get(muxi.url + path) as response:
        assert response.status in (200, 404)
        assert b"[project]" not in await response.read()


async def test_pages_come_under_a_strict_policy(muxi: Served) -> None:
    async with muxi.http.get(f"{muxi.url}/threads/some") as response:
        assert response.status == 200
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] in ("no-cache", "no-store")


async def test_agents_of_the_database_have_versions_and_file_agents_are_fixed(
    muxi: Served,
) -> None:
    made = {"name": "poet", "instructions": "Rhyme.", "model": "m/m"}
    async with muxi.http.put(f"{muxi.url}/api/agents/poet", json=made) as response:
        assert response.status == 200
        first = json.loads(await response.read())
        assert first["source"] == "database"
    made["instructions"] = "Rhyme well."
    async with muxi.http.put(f"{muxi.url}/api/agents/poet", json=made) as response:
        assert json.loads(await response.read())["hash"] != first["hash"]
    assert [agent.name for agent in await muxi.client.agents()] == ["a", "poet"]
    _, events = await muxi.answer("A poem, please", agent="poet")
    assert events[0].model_dump()["agent"] == "poet"
    status, problem = await _ask(muxi, "PUT", "/api/agents/a", json={"name": "a"})
    assert status == 409
    assert "project file" in problem["detail"]
    status, _ = await _ask(
        muxi, "PUT", "/api/agents/x", json={"name": "x", "tools": ["unheard_of"]}
    )
    assert status == 422


async def test_secrets_go_in_and_never_come_out(muxi: Served) -> None:
    await muxi.client.secrets.put("MY_KEY", "the-hidden-value")
    assert await muxi.client.secrets.names() == ["MY_KEY"]
    async with muxi.http.get(f"{muxi.url}/api/secrets") as response:
        assert "hidden" not in await response.text()
    wrong = {"value": "the-hidden-value", "more": 1}
    status, problem = await _ask(muxi, "PUT", "/api/secrets/MY_KEY", json=wrong)
    assert status == 422
    assert "hidden" not in json.dumps(problem)
    assert (await _ask(muxi, "PUT", "/api/secrets/a%20b", json={"value": "x"}))[0] == 422
    await muxi.client.secrets.delete("MY_KEY")
    assert await muxi.client.secrets.names() == []
    assert (await _ask(muxi, "DELETE", "/api/secrets/MY_KEY"))[0] in (404, 422)
