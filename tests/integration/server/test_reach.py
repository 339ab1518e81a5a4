"""What a user can have the server read for them: nothing of its machine, nothing of its network."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from support.served import Served, served
from yarl import URL

from muxi.client.client import Client
from muxi.core.caller import DEFAULT_TENANT
from muxi.core.documents import Document
from muxi.core.errors import AccessDenied, InvalidInput
from muxi.core.identities import User
from muxi.core.record import now
from muxi.server.table import all_operations

WAIT = 60.0
PRIVATE = (
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://[::1]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://127.1:{port}/",
    "http://user:word@127.0.0.1:{port}/",
    "HTTP://127.0.0.1:{port}/#@example.com",
    "http://169.254.169.254/latest/meta-data/",
)
"""Ways to write addresses that are nobody's business."""


@asynccontextmanager
async def _neighbour() -> AsyncIterator[tuple[int, list[str]]]:
    """Another program of this machine, and what it was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="the secret of the house")

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1], asked
    finally:
        await runner.cleanup()


async def _key(muxi: Served, tenant: str, role: str) -> str:
    identity = muxi.runtime.identity
    await identity.users.create(tenant, User(id=role, roles=[role], created_at=now()))
    return (await identity.keys.create(tenant, role)).key


async def _indexed(client: Client, document: Document) -> Document:
    """The document, once it was looked at."""
    async with asyncio.timeout(WAIT):
        while document.status == "waiting":
            await asyncio.sleep(0.02)
            document = await client.knowledge.get(document.id)
    return document


@pytest.fixture
async def muxi(tmp_path: Path) -> AsyncIterator[Served]:
    settings: dict[str, Any] = {"memory": {"embedder": "none"}}
    async with served(tmp_path / "project", lambda request: "ok", **settings) as living:
        yield living


async def test_no_path_of_the_server_becomes_a_document_of_a_user(
    muxi: Served, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("the secret of the house")
    await muxi.runtime.identity.tenants.create("other")
    paths = (
        str(tmp_path / "secret.txt"),
        "../secret.txt",
        f"file://{tmp_path}/secret.txt",
        f"../../{tmp_path}/secret.txt",
        "~/.ssh/id_rsa",
        "/etc/passwd",
        "/proc/self/environ",
        ".",
        "muxi.yaml",
        ".muxi/master.key",
        "text:x",
        "\\\\server\\share",
    )
    for tenant, role in ((DEFAULT_TENANT, "member"), ("other", "member"), ("other", "admin")):
        async with Client(muxi.url, token=await _key(muxi, tenant, role)) as client:
            for path in paths:
                for owner in ("user", "tenant"):
                    with pytest.raises(AccessDenied):
                        await client.knowledge.add(path, owner=owner)
            mine = await client.knowledge.add(text="the garden of the house", owner="user")
            found = await client.knowledge.search("secret house")
            assert {each.piece.document_id for each in found.items} == {mine.id}


async def test_no_private_address_is_read_for_anybody(muxi: Served) -> None:
    async with _neighbour() as (port, asked):
        for role in ("member", "admin"):
            async with Client(muxi.url, token=await _key(muxi, DEFAULT_TENANT, role)) as client:
                for url in PRIVATE:
                    document = await client.knowledge.add(url.format(port=port), owner="user")
                    assert (await _indexed(client, document)).status == "failed", url
        assert asked == []


async def test_what_can_be_no_path_is_told(muxi: Served) -> None:
    for path in ("x" * 1_500, "a\0b", "~nobody-of-that-name/x", "a/" * 700):
        with pytest.raises(InvalidInput):
            await muxi.client.knowledge.add(path)


NAMES = (
    *(
        "..",
        ".",
        "%2e%2e",
        "..%2f..%2foutside",
        "a%2f..%2foutside",
        "%2fetc%2fpasswd",
        "..%5coutside",
    ),
    *("%00", "outside%00.txt", "~", "file:%2f%2f%2fetc%2fpasswd", "%ff", "CON", "x" * 3_000),
)


async def test_no_name_leads_out_of_where_names_are(muxi: Served, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("the secret of the house")
    paths = [
        each.path
        for each in all_operations()
        if each.method == "GET" and "{" in each.path and not each.events
    ]
    for path, name in itertools.product(paths, NAMES):
        url = URL(muxi.url + re.sub(r"\{\w+\}", name, path), encoded=True)
        async with muxi.http.get(url) as response:
            told = await response.read()
        assert response.status < 500, (url, told)
        assert b"secret of the house" not in told
        assert b"root:" not in told
