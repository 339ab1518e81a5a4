"""Requests that no honest client makes: each is answered in words, and none breaks the server."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest

from muxi.core.threads import Thread
from muxi.runtime.principal import LOCAL
from muxi.storage import threads
from muxi.storage.transaction import Tx
from tests.support.served import Served
from tests.support.unlucky import Unlucky, ending

JSON = {"Content-Type": "application/json"}


async def _alive(muxi: Served, caplog: pytest.LogCaptureFixture) -> None:
    _, events = await muxi.answer("hello")
    assert ending(events).status == "completed"
    broken = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert broken == []


async def _ask(muxi: Served, method: str, path: str, **request: Any) -> tuple[int, bytes]:
    async with muxi.http.request(method, muxi.url + path, **request) as response:
        body = await response.read()
        assert response.status < 500, body
        if response.status >= 400 and method != "HEAD":
            problem = json.loads(body)
            assert problem["detail"]
            assert "Traceback" not in problem["detail"]
            # Names that pydantic gives to its own machinery are nobody's business.
            assert "function-before" not in problem["detail"]
        return response.status, body


async def test_bodies_of_every_kind_are_answered_in_words(
    unlucky: Unlucky, caplog: pytest.LogCaptureFixture
) -> None:
    deep = b'{"input":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    extra = b'{"a":' * 5_000 + b"1" + b"}" * 5_000
    wrong = {
        b"": 400,
        b"{": 400,
        b"NaN": 422,
        b"null": 422,
        b"[]": 422,
        b'"text"': 422,
        b"\xff\xfe\x00": 400,
        b'{"input": 1e999}': 422,
        b'{"input": "a", "nonsense": 1}': 422,
        b'{"input": "a", "thread_id": 123456789012345678901234567890}': 422,
        b'{"input": "a", "thread_id": "\\u0000"}': 404,
        b'{"input": "a", "agent": "\\ud800"}': 404,
        b'{"input": "a", "parent_id": "x"}': 422,
        b'{"input": [{"type": "image", "data": "!!!", "media_type": "image/png"}]}': 422,
        b'{"input": [{"type": "text", "text": "x", "more": ' + extra + b"}]}": 400,
        deep: 400,
    }
    async with unlucky.served() as muxi:
        for body, status in wrong.items():
            found, _ = await _ask(muxi, "POST", "/api/runs", data=body, headers=JSON)
            assert found == status, body[:80]
        for kind in ("text/plain", "multipart/form-data", "application/x-www-form-urlencoded"):
            headers = {"Content-Type": kind}
            status, _ = await _ask(muxi, "POST", "/api/runs", data=b"{}", headers=headers)
            assert status == 415
        headers = {**JSON, "Content-Encoding": "gzip"}
        status, _ = await _ask(muxi, "POST", "/api/threads", data=b"\x1f\x8bxxx", headers=headers)
        assert status == 400
        await _alive(muxi, caplog)


async def test_a_hundred_megabytes_are_refused_without_being_read(
    unlucky: Unlucky, caplog: pytest.LogCaptureFixture
) -> None:
    async with unlucky.served() as muxi:
        port = int(muxi.url.rsplit(":", 1)[1])
        token = muxi.runtime.state.token()
        head = (
            f"POST /api/runs HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
            "Content-Length: 100000000\r\n\r\n"
        )
        assert b" 413 " in await _raw(port, head.encode())
        await _alive(muxi, caplog)


async def test_no_path_or_method_breaks_the_server(
    unlucky: Unlucky, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [
        "/" + "a" * 300,
        "/a" * 3000,
        "/assets" + "/a" * 2000,
        "/..%2f..%2f..%2fetc/passwd",
        "/assets/..%5c..%5c..%5cetc",
        "/%00",
        "/assets/%ff%fe",
        "//evil.example/",
        "/api//threads",
        "/api/threads/",
        "/api/threads/%2e%2e%2fstatus",
        "/api/threads/" + "x" * 5000,
        "/api/threads?cursor=%ff",
        "/api/threads?limit=99999999999999999999",
        "/api/threads?limit=-1",
        "/api/runs/x/events?since=99999999999999999999999",
        "/login?token=x%0d%0aSet-Cookie:a=b",
    ]
    async with unlucky.served() as muxi:
        for path in paths:
            _, body = await _ask(muxi, "GET", path)
            assert b"root:" not in body
        for method in ("HEAD", "OPTIONS", "TRACE", "PATCH", "PUT", "DELETE"):
            for path in ("/api/status", "/", "/healthz", "/api/nothing"):
                status, body = await _ask(muxi, method, path)
                assert (status < 400) == (method == "HEAD" and path != "/api/nothing"), (
                    method,
                    path,
                )
                assert method != "HEAD" or body == b""
        await _alive(muxi, caplog)


async def test_foreign_names_and_pages_are_refused(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        for headers in (
            {"Host": "evil.example"},
            {"Host": "localhost.evil.example"},
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
        ):
            status, _ = await _ask(muxi, "POST", "/api/threads", json={}, headers=headers)
            assert status == 403, headers


async def test_malformed_http_is_refused(
    unlucky: Unlucky, caplog: pytest.LogCaptureFixture
) -> None:
    async with unlucky.served() as muxi:
        port = int(muxi.url.rsplit(":", 1)[1])
        host = b"Host: 127.0.0.1:%d\r\n" % port
        token = b"Authorization: Bearer " + muxi.runtime.state.token().encode() + b"\r\n"
        for request, status in (
            (b"GARBAGE\r\n\r\n", b"400"),
            (b"GET /api/status HTTP/9.9\r\n\r\n", b"400"),
            (b"GET /api/status HTTP/1.1\r\n\r\n", b"403"),
            (b"GET /api/status HTTP/1.1\r\nHost: \xff\r\n\r\n", b"403"),
            (b"GET /\xff HTTP/1.1\r\n" + host + b"\r\n", b"400"),
            (b"POST /api/threads HTTP/1.1\r\n" + host + b"Content-Length: -5\r\n\r\n", b"400"),
            (
                b"POST /api/threads HTTP/1.1\r\n"
                + host
                + b"Content-Length: 1\r\nContent-Length: 9\r\n\r\nx",
                b"400",
            ),
            (
                b"GET /api/status HTTP/1.1\r\n" + host + b"Authorization: Bearer \xff\r\n\r\n",
                b"401",
            ),
            (
                b"GET /api/status HTTP/1.1\r\n" + host + b"Cookie: muxi_session=\xff;;=\r\n\r\n",
                b"401",
            ),
            (
                b"GET /api/status HTTP/1.1\r\n"
                + host
                + token
                + b"Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
                b"404",
            ),
            (
                b"GET /api/status HTTP/1.1\r\n" + host + token + b"Authorization: Bearer x\r\n\r\n",
                b"400",
            ),
            (b"GET /healthz HTTP/1.1\r\n" + host + b"Host: evil.example\r\n\r\n", b"400"),
            (
                b"POST /api/threads HTTP/1.1\r\n"
                + host
                + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                b"400",
            ),
            (b"\x16\x03\x01\x02\x00\x01\x00", b"400"),
        ):
            answer = await _raw(port, request)
            assert answer.startswith(b"HTTP/1.1 " + status), (request, answer)
        await _alive(muxi, caplog)


async def test_readers_that_come_and_go_and_never_read_disturb_nobody(
    unlucky: Unlucky, caplog: pytest.LogCaptureFixture
) -> None:
    async with unlucky.served() as muxi:
        run = await muxi.client.start_run("silent-late")
        await unlucky.provider.arrived.wait()
        url = f"{muxi.url}/api/runs/{run.id}/events"
        for _ in range(30):
            async with muxi.http.get(url) as response:
                await response.content.readany()
                response.close()
        sleepers = [await muxi.http.get(url) for _ in range(30)]
        unlucky.provider.release.set()
        assert ending(await muxi.follow(run.id)).problem is not None
        for response in sleepers:
            response.close()
        await _alive(muxi, caplog)


async def test_thousands_of_threads_are_listed_page_by_page(
    unlucky: Unlucky, caplog: pytest.LogCaptureFixture
) -> None:
    def fill(tx: Tx) -> None:
        for number in range(3000):
            threads.create(tx, Thread(title=f"t{number}"))

    async with unlucky.served() as muxi:
        await muxi.runtime.database.write(LOCAL, fill)
        found: list[str | None] = []
        cursor = None
        while True:
            page = await muxi.client.threads(cursor=cursor, limit=500)
            found += [thread.title for thread in page.items]
            if (cursor := page.next) is None:
                break
        assert sorted(found, key=str) == sorted(f"t{number}" for number in range(3000))
        status, _ = await _ask(muxi, "GET", "/api/threads?limit=3000")
        assert status == 422
        await _alive(muxi, caplog)


async def _raw(port: int, request: bytes) -> bytes:
    """What the server first says to these bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(60):
            writer.write(request)
            await writer.drain()
            return await reader.read(4096)
    finally:
        writer.close()
