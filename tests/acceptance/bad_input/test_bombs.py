"""Small requests that ask for much work, at each route with JSON; and headers within values."""

from __future__ import annotations

import base64
import itertools
from pathlib import Path

import pytest
from support.served import Served, served

from muxi.server.operations import Nothing, Raw
from muxi.server.table import all_operations

pytestmark = pytest.mark.ci

JSON = {"Content-Type": "application/json"}
BOMBS = {
    "lists in lists": b"[" * 50_000 + b"]" * 50_000,
    "objects in objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "lists without end": b"[" * 50_000,
    "a whole number of 100,000 digits": b'{"limit":' + b"9" * 100_000 + b"}",
    "a huge number": b'{"limit":1e99999}',
    "a tiny number": b'{"limit":-0.0e-99999}',
    "numbers that are none": b'{"limit":NaN,"a":Infinity,"b":-Infinity}',
    "one name twice": b'{"name":"a","name":"b","id":1,"id":[]}',
    "a long name": b'{"' + b"k" * 100_000 + b'":1}',
    "many names": b"{" + b",".join(b'"k%d":%d' % (n, n) for n in range(10_000)) + b"}",
    "names of the same hash": b'{"__proto__":{},"constructor":{"prototype":{}},"__class__":1}',
    "zero bytes": b'"' + b"\\u0000" * 10_000 + b'"',
    "half characters": b'{"input":"\\ud800","name":"\\udfff\\ud800"}',
    "another encoding": '{"input":"a"}'.encode("utf-16"),
    "a mark of bytes": b"\xef\xbb\xbf{}",
    "no text": bytes(range(256)),
}


async def test_no_bomb_goes_off_at_any_route(tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: "ok", memory={"embedder": "none"}) as muxi:
        takers = [
            each
            for each in all_operations()
            if each.body is not Nothing and not issubclass(each.body, Raw)
        ]
        assert len(takers) > 40
        for operation, (name, bomb) in itertools.product(takers, BOMBS.items()):
            path = operation.path.replace("{", "").replace("}", "")
            async with muxi.http.request(
                operation.method, muxi.url + path, data=bomb, headers=JSON
            ) as response:
                told = await response.read()
            assert response.status < 500, (name, operation.path, told)
            assert len(told) < 100_000, (name, operation.path)
        await _alive(muxi)


VALUES = ("a\r\nSet-Cookie: x=1", "a\nX-Injected: 1", 'a"; filename="b', "a\u2028b", "\x7f\x00")


async def test_no_value_becomes_a_header(tmp_path: Path) -> None:
    async with served(tmp_path, lambda request: "ok", memory={"embedder": "none"}) as muxi:
        for value in VALUES:
            told = base64.b64encode(value.encode()).decode()
            headers = {
                "Tus-Resumable": "1.0.0",
                "Upload-Length": "1",
                "Upload-Metadata": f"filename {told},filetype {told}",
                "Content-Type": "application/offset+octet-stream",
            }
            url = f"{muxi.url}/api/files"
            async with muxi.http.post(url, data=b"x", headers=headers) as response:
                assert response.status < 500, await response.read()
                place = response.headers.get("Location")
            if place is not None:
                async with muxi.http.get(f"{muxi.url}{place}/content") as response:
                    assert response.status == 200
                    named = response.headers["Content-Disposition"]
                    assert '"' not in named
                    assert not {"Set-Cookie", "X-Injected"} & response.headers.keys()
            for path in ("/login", "/login/oidc/none", "/api/threads", "/api/files"):
                asked = {"token": value, "return_to": value, "cursor": value}
                async with muxi.http.get(muxi.url + path, params=asked) as response:
                    assert response.status < 500
                    assert not {"Set-Cookie", "X-Injected"} & response.headers.keys()
        await _alive(muxi)


async def _alive(muxi: Served) -> None:
    _, events = await muxi.answer("hello")
    assert events[-1].type == "run.completed"
