"""Reads one page of the web and gives its text. Called by the tool `web_fetch`."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Any, cast

from aiohttp.abc import AbstractResolver

from muxi.core.errors import ToolFailed
from muxi.tools.builtin.download import Download, download
from muxi.tools.worker import run_in_thread

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
    answer = await download(
        url,
        headers=_HEADERS,
        allow_hosts=allow_hosts,
        seconds=seconds,
        max_bytes=max_bytes,
        resolver=resolver,
    )
    return await _text_of(answer)


async def _text_of(answer: Download) -> str:
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


def html_text(html: str) -> str:
    """What a piece of HTML says, as Markdown; all its words if it is no article."""
    import trafilatura

    found = trafilatura.extract(
        html, output_format="markdown", include_links=True, include_tables=True
    )
    return found or trafilatura.html2txt(html)


def _markdown(answer: Download) -> str:
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


def _decoded(answer: Download) -> str:
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
