"""Reads one page of the web and gives its text. Called by the tool `web_fetch`.

It must never talk to a private network, follow a redirect into one, or read without bounds.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any, NamedTuple, cast
from urllib.parse import SplitResult, urljoin

import aiohttp
from aiohttp.abc import AbstractResolver

from muxi.core.errors import ToolFailed
from muxi.tools.builtin.public_address import PrivateAddress, PublicResolver, checked_url, denied
from muxi.tools.builtin.user_agent import user_agent
from muxi.tools.worker import run_in_thread

_MAX_REDIRECTS = 5
_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS = {
    "Accept": "text/html,application/xhtml+xml,text/*;q=0.9,application/json;q=0.9,*/*;q=0.1",
    "Accept-Language": "en,*;q=0.5",
}
_HTML = ("text/html", "application/xhtml+xml")
_TEXT = (
    "application/json",
    "application/ld+json",
    "application/xml",
    "application/yaml",
    "application/javascript",
    "application/x-javascript",
    "application/toml",
    "application/rss+xml",
    "application/atom+xml",
)


class _Answer(NamedTuple):
    url: str
    media_type: str
    charset: str | None
    body: bytes
    cut: bool


async def read_page(
    url: str,
    *,
    allow_hosts: Sequence[str] = (),
    seconds: float = 20.0,
    max_bytes: int = 1_000_000,
    resolver: AbstractResolver | None = None,
) -> str:
    """The text of the page at `url`, Markdown if it is HTML.

    Args:
        url: Its address; https is taken where none is said.
        allow_hosts: Private hosts that may be read nevertheless.
        seconds: Time for all exchanges together.
        max_bytes: Most bytes that are read; the rest is left out with a notice.
        resolver: Finds the addresses of names; the system's by default.

    Raises:
        ToolArgumentsInvalid: `url` is no address of the web.
        ToolDenied: It leads into a private network.
        ToolFailed: The page cannot be read, or is no text.
    """
    parts = checked_url(url, allow_hosts)
    connector = aiohttp.TCPConnector(
        resolver=PublicResolver(allow_hosts, resolver), use_dns_cache=False
    )
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": user_agent(), **_HEADERS},
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds),
        ) as session:
            answer = await _follow(session, parts, allow_hosts, max_bytes)
    except TimeoutError as error:
        raise ToolFailed(f"{parts.hostname} did not answer within {seconds:g} seconds.") from error
    except aiohttp.ClientConnectorError as error:
        if isinstance(error.os_error, PrivateAddress):
            raise denied(error.host) from error
        raise ToolFailed(f"{error.host} cannot be reached.") from error
    except (aiohttp.ClientError, ValueError) as error:
        raise ToolFailed(f"{parts.hostname} cannot be read: {type(error).__name__}.") from error
    return await _text_of(answer)


async def _follow(
    session: aiohttp.ClientSession, parts: SplitResult, allow_hosts: Sequence[str], max_bytes: int
) -> _Answer:
    """Ask for a page and follow its redirects, each of which is checked like the first address."""
    for _ in range(_MAX_REDIRECTS + 1):
        url = parts.geturl()
        async with session.get(url, allow_redirects=False) as response:
            target = response.headers.get("Location")
            if response.status in _REDIRECTS and target:
                parts = checked_url(urljoin(url, target), allow_hosts)
                continue
            if not response.ok:
                words = f"{parts.hostname} answered {response.status} {response.reason or ''}"
                raise ToolFailed(f"{words.strip()}.")
            declared = "Content-Type" in response.headers
            body, cut = await _read(response, max_bytes)
            return _Answer(
                url=url,
                media_type=response.content_type.lower() if declared else "",
                charset=response.charset,
                body=body,
                cut=cut,
            )
    raise ToolFailed(f"{parts.hostname} redirects more than {_MAX_REDIRECTS} times.")


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> tuple[bytes, bool]:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            return bytes(body[:max_bytes]), True
    return bytes(body), False


async def _text_of(answer: _Answer) -> str:
    kind = answer.media_type
    if not kind:
        kind = "application/octet-stream" if b"\x00" in answer.body[:4096] else "text/html"
    if kind in _HTML:
        # Takes a noticeable time for large pages, and is not async.
        text = await run_in_thread(_markdown, answer)
    elif kind.startswith("text/") or kind in _TEXT or kind.endswith(("+json", "+xml")):
        text = _decoded(answer)
    else:
        raise ToolFailed(
            f"{answer.url} is {kind}, which cannot be read as text.",
            hint="Only HTML, plain text and JSON are read.",
        )
    if not text.strip():
        raise ToolFailed(f"{answer.url} has no text that can be read.")
    notice = "\n\n[The page is longer; only its beginning was read.]" if answer.cut else ""
    return f"{text.strip()}{notice}"


def _markdown(answer: _Answer) -> str:
    import trafilatura

    tree = trafilatura.load_html(_decoded(answer) if answer.charset else answer.body)
    if tree is None:
        return ""
    named = cast("Any", tree).findtext(".//title")
    title = " ".join(str(named or "").split())
    text = trafilatura.extract(
        tree,
        url=answer.url,
        output_format="markdown",
        include_links=True,
        include_tables=True,
        include_comments=False,
        # On large pages the second opinion of its other extractors takes seconds.
        fast=len(answer.body) > 200_000,
    )
    if not text:
        text = trafilatura.html2txt(_decoded(answer))
    heading = f"# {title}\n\n" if title and not text.lstrip().startswith(f"# {title}") else ""
    return f"{heading}{text}"


def _decoded(answer: _Answer) -> str:
    """The body as text: by its mark or its declared encoding, else UTF-8, else Windows-1252."""
    body = answer.body
    names = [answer.charset, "utf-8-sig"]
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        names = ["utf-16"]
    for name in filter(None, names):
        try:
            return body.decode(name)
        except (LookupError, ValueError):
            if answer.cut and name == "utf-8-sig":
                return body.decode(name, "replace")
    return body.decode("cp1252", "replace")
