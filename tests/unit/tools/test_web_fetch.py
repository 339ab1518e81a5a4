"""The built-in reader of web pages, against a real server on this machine."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid, ToolDenied, ToolFailed
from muxi.core.messages import TextPart
from muxi.tools.builtin.page import read_page
from muxi.tools.builtin.public_address import is_allowed, is_public
from muxi.tools.builtin.web_fetch import make_web_fetch
from tests.support.ports import free_port

CTX: RunContext[Any] = RunContext(deps=None)

ARTICLE = """<!doctype html><html><head><title>Bees &amp; honey</title><script>alert(1)</script>
</head><body><nav><a href="/home">Home</a></nav><article><h1>Bees and honey</h1>
<p>Bees make honey from the nectar of flowers, and they have done so for a very long time.</p>
<h2>Where they live</h2><p>They live in <a href="/hives">hives</a>, which people build for them out
of wood, and in hollow trees, which nobody builds for them at all.</p>
<ul><li>wax</li><li>honey</li></ul></article><footer>Imprint</footer></body></html>"""


class Names(AbstractResolver):
    """Answers with the addresses that it was given, one list for each time it is asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[Any]:
        addresses = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            {
                "hostname": host,
                "host": address,
                "port": port,
                "family": socket.AF_INET,
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in addresses
        ]

    async def close(self) -> None:
        """Nothing to close."""


RELEASE = web.AppKey("release", asyncio.Event)


async def article(request: web.Request) -> web.Response:
    return web.Response(text=ARTICLE, content_type="text/html")


async def latin(request: web.Request) -> web.Response:
    page = "<html><body><p>Größe und Weite, für alle Tage.</p></body></html>"
    return web.Response(
        body=page.encode("latin-1"), headers={"Content-Type": "text/html; charset=latin-1"}
    )


async def data(request: web.Request) -> web.Response:
    return web.json_response({"agent": request.headers["User-Agent"]})


async def image(request: web.Request) -> web.Response:
    return web.Response(body=b"\x89PNG", content_type="image/png")


async def long(request: web.Request) -> web.Response:
    return web.Response(text="word " * 100_000)


async def bomb(request: web.Request) -> web.Response:
    body = gzip.compress(b"a" * 50_000_000)
    return web.Response(
        body=body, headers={"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    )


async def missing(request: web.Request) -> web.Response:
    raise web.HTTPNotFound


async def away(request: web.Request) -> web.Response:
    raise web.HTTPFound(request.query["to"])


async def empty(request: web.Request) -> web.Response:
    return web.Response(text="<html><body></body></html>", content_type="text/html")


async def never(request: web.Request) -> web.Response:
    await request.app[RELEASE].wait()
    return web.Response()


async def round_and_round(request: web.Request) -> web.Response:
    raise web.HTTPFound("/round_and_round")


HANDLERS = (
    article,
    latin,
    data,
    image,
    long,
    bomb,
    missing,
    away,
    empty,
    never,
    round_and_round,
)


@pytest.fixture
async def site() -> AsyncIterator[str]:
    app = web.Application()
    app[RELEASE] = asyncio.Event()
    for handler in HANDLERS:
        app.router.add_get(f"/{handler.__name__}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    place = web.TCPSite(runner, "127.0.0.1", 0)
    await place.start()
    assert place._server is not None
    port = place._server.sockets[0].getsockname()[1]
    yield f"127.0.0.1:{port}"
    app[RELEASE].set()
    await runner.cleanup()


async def read(site: str, path: str, **options: Any) -> str:
    return await read_page(f"http://{site}/{path}", allow_hosts=[site], **options)


async def test_a_page_becomes_markdown_without_its_trimmings(site: str):
    text = await read(site, "article")
    assert text.startswith("# Bees")
    assert "Bees make honey" in text
    assert "## Where they live" in text
    assert f"[hives](http://{site}/hives)" in text
    assert "alert" not in text
    assert "Imprint" not in text


async def test_the_declared_encoding_is_used(site: str):
    assert "Größe und Weite" in await read(site, "latin")


async def test_json_is_given_as_it_is_to_a_client_that_names_itself(site: str):
    assert json.loads(await read(site, "data"))["agent"].startswith("muxi/")


async def test_other_kinds_of_content_are_refused(site: str):
    with pytest.raises(ToolFailed, match="image/png"):
        await read(site, "image")


async def test_a_page_without_text_says_so(site: str):
    with pytest.raises(ToolFailed, match="no text"):
        await read(site, "empty")


async def test_a_long_page_is_cut_with_a_notice(site: str):
    text = await read(site, "long", max_bytes=1_000)
    assert len(text) < 1_100
    assert text.endswith("[The page is longer; only its beginning was read.]")


async def test_a_page_that_unpacks_to_very_much_is_cut_too(site: str):
    assert len(await read(site, "bomb", max_bytes=10_000)) < 10_100


async def test_the_tool_cuts_what_the_model_gets(site: str):
    fetch = make_web_fetch(allow_hosts=[site], max_text=2_000)
    (part,) = await fetch.run({"url": f"http://{site}/long"}, CTX)
    assert isinstance(part, TextPart)
    assert len(part.text) < 2_200
    assert "[Cut:" in part.text


async def test_a_status_is_told(site: str):
    with pytest.raises(ToolFailed, match="404 Not Found"):
        await read(site, "missing")


async def test_a_server_that_does_not_answer_is_given_up(site: str):
    with pytest.raises(ToolFailed, match=r"within 0\.2 seconds"):
        await read(site, "never", seconds=0.2)


async def test_a_redirect_is_followed(site: str):
    assert "Bees make honey" in await read(site, "away?to=/article")


async def test_redirects_without_end_are_given_up(site: str):
    with pytest.raises(ToolFailed, match="redirects more than"):
        await read(site, "round_and_round")


@pytest.mark.parametrize(
    "target",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://localhost/",
        "http://[::1]/",
        "file:///etc/passwd",
        "http://user:word@example.com/",
    ],
)
async def test_a_redirect_into_a_private_network_or_off_the_web_is_refused(site: str, target: str):
    with pytest.raises((ToolDenied, ToolArgumentsInvalid)):
        await read(site, f"away?to={target}")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:22/",
        "127.0.0.1",
        "http://10.0.0.1/",
        "http://192.168.1.1",
        "http://172.16.0.1",
        "http://169.254.169.254/",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://[::1]/",
        "http://[::]/",
        "http://[fe80::1]/",
        "http://[fe80::1%25eth0]/",
        "http://[fc00::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[2002:7f00:1::]/",
        "http://[64:ff9b::7f00:1]/",
        "http://localhost:8080/",
        "http://printer/",
    ],
)
async def test_private_addresses_are_refused(url: str):
    with pytest.raises(ToolDenied, match="private network"):
        await read_page(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "   ",
        "http://",
        "https:///path",
        "ftp://example.com/",
        "file:///etc/passwd",
        "javascript://alert",
        "gopher://example.com",
        "http://user@example.com/",
        "http://user:word@example.com/",
        "http://exa mple.com/",
        "http://example.com:99999/",
        "http://example.com/" + "x" * 5_000,
        "http://[::1",
        "http://example.com/\x00",
    ],
)
async def test_what_is_no_address_of_the_web_is_refused(url: str):
    with pytest.raises(ToolArgumentsInvalid):
        await read_page(url)


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1", "017700000001"])
async def test_other_spellings_of_a_private_address_are_refused(host: str):
    with pytest.raises((ToolDenied, ToolFailed)):
        await read_page(f"http://{host}/")


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "::1", "fe80::1%2"])
async def test_a_name_that_leads_into_a_private_network_is_refused(address: str):
    with pytest.raises(ToolDenied, match=r"inside\.example\.com"):
        await read_page("http://inside.example.com/", resolver=Names([address]))


async def test_one_private_address_among_public_ones_is_enough_to_refuse():
    with pytest.raises(ToolDenied):
        await read_page("http://mixed.example.com/", resolver=Names(["93.184.216.34", "10.0.0.1"]))


async def test_a_name_is_asked_for_once_so_that_it_cannot_change_its_meaning(site: str):
    port = site.rpartition(":")[2]
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    url = f"http://rebinding.example.com:{port}/data"
    text = await read_page(url, allow_hosts=["*.example.com"], resolver=names)
    assert "muxi/" in text
    assert names.asked == 1


async def test_an_address_without_a_scheme_is_taken_as_https():
    names = Names(["127.0.0.1"])
    with pytest.raises(ToolDenied, match=r"example\.com"):
        await read_page("example.com/page", resolver=names)


async def test_a_host_that_cannot_be_reached_is_told():
    port = free_port()
    with pytest.raises(ToolFailed, match="cannot be reached"):
        await read_page(f"http://127.0.0.1:{port}/", allow_hosts=["127.0.0.1"])


@pytest.mark.parametrize(
    ("host", "port", "pattern", "allowed"),
    [
        ("intra.example.com", None, "intra.example.com", True),
        ("INTRA.example.com.", None, "intra.example.com", True),
        ("a.example.com", None, "*.example.com", True),
        ("example.com", None, "*.example.com", False),
        ("evilexample.com", None, "*.example.com", False),
        ("intra", 80, "intra:80", True),
        ("intra", 81, "intra:80", False),
        ("::1", 80, "[::1]:80", True),
        ("other", 80, "intra", False),
    ],
)
def test_allowed_hosts_are_matched_whole(host: str, port: int, pattern: str, allowed: bool):
    assert is_allowed(host, port, [pattern]) is allowed


def test_public_addresses_are_public():
    assert is_public("93.184.216.34")
    assert is_public("2606:2800:220:1:248:1893:25c8:1946")
    assert not is_public("no address")
