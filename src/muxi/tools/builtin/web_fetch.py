"""The tool `web_fetch`: a page of the web as Markdown, and nothing of the private network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muxi.config.tool_settings import WebFetchTool
from muxi.core.manifests import Permissions, ToolManifest
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="web_fetch",
    version="1.0.0",
    summary="Reads a page of the web as Markdown.",
    tools=("web_fetch",),
    permissions=Permissions(network=("*",)),
    notes="Private addresses are refused, also behind redirects, unless `allow_hosts` names them.",
)

EXAMPLES: Examples = (
    (
        "Read https://blog.rust-lang.org/releases and summarize it",
        {"url": "https://blog.rust-lang.org/releases"},
    ),
    ("What does the page python.org/about say?", {"url": "python.org/about"}),
    ("Open www.debian.org/distrib", {"url": "www.debian.org/distrib"}),
    ("fetch http://example.org/data.json", {"url": "http://example.org/data.json"}),
    (
        "Summarize this article for me: https://news.example.net/2024/solar-power",
        {"url": "https://news.example.net/2024/solar-power"},
    ),
    ("show me the content of the website example.com", {"url": "example.com"}),
)


def make_web_fetch(
    *,
    allow_hosts: Sequence[str] = (),
    timeout: float = 20.0,
    max_bytes: int = 1_000_000,
    max_text: int = 40_000,
) -> FunctionTool[..., Any]:
    """A tool that reads web pages.

    Args:
        allow_hosts: Hosts that may be read although they lie in a private network: `host`,
            `host:port`, or `*.domain`.
        timeout: Seconds that one page may take.
        max_bytes: Most bytes that are read of a page.
        max_text: Longest text that is given back, in UTF-8 bytes.
    """

    @tool(
        title="Read a web page",
        read_only=True,
        destructive=False,
        open_world=True,
        examples=EXAMPLES,
        idempotent=True,
        timeout=timeout + 15,
        max_bytes=max_text,
    )
    async def web_fetch(url: str) -> str:
        """Read a web page or a text file on the web and give its text as Markdown.

        Args:
            url: Address of the page, such as `https://example.com/news` or `example.com`.
        """
        from muxi.tools.builtin.page import read_page

        return await read_page(url, allow_hosts=allow_hosts, seconds=timeout, max_bytes=max_bytes)

    return web_fetch


def web_fetch_tools(settings: WebFetchTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The reader of web pages of a project."""
    made = make_web_fetch(
        allow_hosts=settings.allow_hosts,
        timeout=settings.timeout,
        max_bytes=settings.max_bytes,
        max_text=settings.max_text,
    )
    return [made]


web_fetch = make_web_fetch()
