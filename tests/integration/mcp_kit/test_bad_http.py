"""Servers over HTTP that take requests which only a page of malice sends, and one that does not."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from muxi.devkit.target import parse_target
from muxi.devkit.validation import validate
from tests.support.mcp_kit import BAD_SERVERS, broken

UNCHECKED = {
    "http-host-unchecked",
    "http-origin-unchecked",
    "http-header-unchecked",
    "http-version-unchecked",
}


@pytest.fixture
async def trusting(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """The address of a server that asks nobody who they are."""
    monkeypatch.syspath_prepend(str(BAD_SERVERS))
    from good import Server  # pyright: ignore[reportMissingImports] -- beside the bad servers

    server = Server()

    async def answer(request: web.Request) -> web.Response:
        message = json.loads(await request.read())
        if "id" not in message:
            return web.Response(status=202)
        return web.json_response(server.reply(message))

    app = web.Application()
    app.router.add_post("/mcp", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/mcp"
    await runner.cleanup()
    sys.modules.pop("good", None)


async def test_a_server_that_any_page_may_ask_is_caught(trusting: str) -> None:
    report = await validate(parse_target(trusting), patience=10.0)
    assert broken(report) == UNCHECKED


async def test_a_server_of_the_sdk_refuses_them(tmp_path: Path) -> None:
    (tmp_path / "server.py").write_text(
        "from mcp.server import MCPServer\n"
        'server = MCPServer("sums", version="1")\n'
        "@server.tool()\n"
        "def add_numbers(a: int, b: int) -> int:\n"
        '    """Adds two whole numbers."""\n'
        "    return a + b\n"
    )
    report = await validate(parse_target(str(tmp_path / "server.py")), patience=30.0)
    assert not broken(report) & UNCHECKED
    assert report.failed("error") == []
