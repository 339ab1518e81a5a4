"""The hook `useChat`, rendered by React in a real browser, before a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, Route, async_playwright, expect
from support.front_ends import Shop, front
from support.installed import CACHE
from support.served import Served

from muxi.devkit.node import Node

pytestmark = pytest.mark.ci

HERE = Path(__file__).parent
PACKAGES = [
    *("ai@7.0.173", "@ai-sdk/react@4.0.177", "react@19.3.1", "react-dom@19.3.1"),
    "esbuild@0.28.2",
]
PAGE = '<!doctype html><title>Chat</title><div id="root"></div><script type="module">{}</script>'
CHROMIUM = "/usr/bin/chromium"
WAIT = 60_000
"""Milliseconds that a page has to show what comes."""


@dataclass
class Chats:
    """A browser before a server, and what its pages complained about."""

    browser: Browser
    muxi: Served
    shop: Shop
    html: str
    complaints: list[str] = field(default_factory=list[str])

    async def open(self, id: str) -> Page:
        """A window of its own on a chat."""
        page = await self.browser.new_page()
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        await page.route("**/chat-page", self._give)
        fragment = urlencode({"id": id, "token": self.muxi.token})
        await page.goto(f"{self.muxi.url}/chat-page#{fragment}")
        await expect(page.locator("output")).to_be_visible(timeout=WAIT)
        return page

    def _hear(self, entry: ConsoleMessage) -> None:
        if entry.type in ("warning", "error"):
            self.complaints.append(entry.text)

    async def _give(self, route: Route) -> None:
        await route.fulfill(body=self.html, content_type="text/html")


async def _bundle() -> str:
    """The page's script with all that it imports."""
    node = await asyncio.to_thread(Node.find)
    name = "-".join(each.strip("@").replace("/", "-").replace("@", "-") for each in PACKAGES)
    home = Path(await asyncio.to_thread(node.install, CACHE / name, PACKAGES))
    process = await asyncio.create_subprocess_exec(
        node.program,
        home / "node_modules" / "esbuild" / "bin" / "esbuild",
        HERE / "chat.jsx",
        *("--bundle", "--format=esm", "--jsx=automatic", "--log-level=warning"),
        "--define:process.env.NODE_ENV='development'",
        env={"NODE_PATH": str(home / "node_modules")},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return PAGE.format(out.decode().replace("</script", "<\\/script"))


@pytest.fixture
async def chats(tmp_path: Path) -> AsyncIterator[Chats]:
    html = await _bundle()
    async with front(tmp_path) as (muxi, shop), async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        try:
            yield Chats(browser, muxi, shop, html)
        finally:
            await browser.close()


async def _say(page: Page, text: str) -> None:
    await page.get_by_label("Say").fill(text)
    await page.keyboard.press("Enter")


async def _answered(page: Page, *texts: str) -> None:
    """The page shows these texts of the agent, and is at rest."""
    shown = page.get_by_label("assistant").locator("p")
    await expect(shown).to_have_text(list(texts), timeout=WAIT)
    await expect(page.locator("output")).to_have_text("ready", timeout=WAIT)


async def test_text_tools_approvals_and_reconnection(chats: Chats) -> None:
    page = await chats.open("one")
    await _say(page, "hello")
    await _answered(page, "You said hello, after 0.")
    await _say(page, "weather")
    calls = page.locator("code")
    await expect(calls).to_have_text(
        ['weather output-available {"city":"Rome","degrees":21}'], timeout=WAIT
    )
    await page.close()

    page = await chats.open("two")
    await _say(page, "where")
    await _answered(page, 'So: {"city":"Oslo"}')
    await expect(calls := page.locator("code")).to_have_text(
        ['locate output-available {"city":"Oslo"}'], timeout=WAIT
    )
    await page.close()

    page = await chats.open("three")
    await _say(page, "pay")
    await page.reload()
    await page.get_by_role("button", name="Approve").click()
    await _answered(page, "One moment.", "So: paid 5")
    assert chats.shop.paid == [5]
    await _say(page, "pay")
    await page.get_by_role("button", name="Deny").click()
    await expect(page.locator("code").last).to_contain_text("pay output-denied", timeout=WAIT)
    assert chats.shop.paid == [5]
    await page.close()

    page = await chats.open("four")
    await _say(page, "slow")
    await expect(page.get_by_text("begin")).to_be_visible(timeout=WAIT)
    other = await chats.open("four")
    await page.reload()
    for window in (page, other):
        await expect(window.get_by_text("begin")).to_be_visible(timeout=WAIT)
        await expect(window.locator("output")).to_have_text("streaming", timeout=WAIT)
    chats.shop.go.set()
    for window in (page, other):
        await _answered(window, "begin and end")
    assert chats.complaints == []
