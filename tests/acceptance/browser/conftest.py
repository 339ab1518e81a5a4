"""A real browser in front of a real `muxi up`, with a model that answers as the tests need."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from support.conversationalist import Conversationalist, serving

from muxi.server.pages import STATIC

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PROJECT = """\
name: lighthouse
model: talk
models:
  talk:
    model: openai/talk
    base_url: {url}
    key: ${{TALK_KEY}}
    retry: {{attempts: 1}}
agents:
  assistant:
    instructions: Be brief.
    tools: [calculator]
  careful:
    instructions: Ask first.
    tools: [calculator]
    approve: [calculator]
  asking:
    instructions: Ask.
    tools: [ask_user]
  remote:
    instructions: Use what there is.
    tools: [mcp.shop]
identity:
  credentials:
    WEATHER_KEY: {{title: Weather service, help: "https://weather.invalid/keys", required: true}}
mcp:
  servers:
    shop: {{command: ["{python}", "{server}", "{surface}"]}}
"""
PATIENCE = 60_000
"""Milliseconds for anything that a test waits for in the page; a loaded machine needs many."""
expect.set_options(timeout=PATIENCE)
SHOP = Path(__file__).parents[2] / "support" / "changing_mcp_server.py"


@dataclass
class Muxi:
    """A running server, and the state of a browser that is signed in to it."""

    url: str
    signed_in: Any
    surface: Path
    """A file that says what the MCP server `shop` offers."""

    def offer(self, description: str) -> None:
        """From its next start on, let `shop` offer one tool that is described so."""
        self.surface.write_text(_shop(description))


def _shop(description: str) -> str:
    schema = {"type": "object", "properties": {"what": {"type": "string"}}}
    tool = {"name": "buy", "description": description, "inputSchema": schema}
    return json.dumps({"tools": [tool]})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def model() -> AsyncIterator[Conversationalist]:
    async with serving() as model:
        yield model


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def muxi(
    model: Conversationalist, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Muxi]:
    assert (STATIC / "index.html").is_file(), "Install muxi first: that builds the dashboard."
    folder = tmp_path_factory.mktemp("project")
    surface = folder / "surface.json"
    await asyncio.to_thread(surface.write_text, _shop("Buy something."))
    project = PROJECT.format(url=model.url, python=sys.executable, server=SHOP, surface=surface)
    await asyncio.to_thread((folder / "muxi.yaml").write_text, project)
    server = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "muxi", "up", "--port", "0", "--json"),
        cwd=folder,
        env={**os.environ, "TALK_KEY": "not-a-real-key"},
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdout is not None
    try:
        async with asyncio.timeout(120):
            started = json.loads(await server.stdout.readline())
        context = await browser.new_context()
        page = await context.new_page()
        await page.goto(started["login"])
        yield Muxi(started["url"], await context.storage_state(), surface)
        await context.close()
    finally:
        server.terminate()
        await server.communicate()


@dataclass
class Visit:
    """One browser window, and everything it complained about or asked for."""

    page: Page
    complaints: list[str]
    requests: list[str]


@pytest_asyncio.fixture(loop_scope="module")
async def context(
    muxi: Muxi, browser: Browser, request: pytest.FixtureRequest
) -> AsyncIterator[BrowserContext]:
    options: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
    options.update(getattr(request, "param", {}))
    context = await browser.new_context(
        base_url=muxi.url, storage_state=muxi.signed_in, reduced_motion="reduce", **options
    )
    context.set_default_timeout(PATIENCE)
    yield context
    await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(context: BrowserContext) -> AsyncIterator[Visit]:
    """The page where a conversation begins. Whatever the test does, nothing may go wrong in it."""
    page = await context.new_page()
    visit = Visit(page, [], [])
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    page.on("console", lambda entry: visit.complaints.append(entry.text))
    page.on("request", lambda request: visit.requests.append(request.url))
    await page.goto("/")
    yield visit
    assert visit.complaints == []


@pytest.fixture
def screenshots(tmp_path: Path) -> Path:
    """Where pictures go: the folder that MUXI_SCREENSHOTS names, else away with the test."""
    folder = Path(os.environ.get("MUXI_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    return folder
