"""The page around the conversation: sidebar, keyboard, phone, dark, signed out."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


async def send(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_have_text("The answer is complete")


async def test_a_conversation_is_found_renamed_and_deleted(visit):
    page = visit.page
    await send(page, "The first lighthouse")
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
    await send(page, "A second boat")
    sidebar = page.get_by_label("Conversations")
    await page.get_by_label("Search conversations").fill("first light")
    await expect(sidebar.get_by_role("link")).to_have_text(["The first lighthouse"])

    await sidebar.get_by_role("link").hover()
    await page.get_by_role("button", name="Rename The first lighthouse").click()
    await page.get_by_label("Title of the conversation").fill("Fanal")
    await page.keyboard.press("Enter")
    await page.get_by_label("Search conversations").fill("fan")
    await expect(sidebar.get_by_role("link")).to_have_text(["Fanal"])

    await sidebar.get_by_role("link").click()
    await page.get_by_role("button", name="Delete Fanal").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(sidebar.get_by_text("Nothing found.")).to_be_visible()
    await expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()


async def test_shift_and_enter_begin_a_new_line(visit):
    page = visit.page
    field = page.get_by_label("Message", exact=True)
    await field.press_sequentially("one")
    await page.keyboard.press("Shift+Enter")
    await field.press_sequentially("two")
    await expect(field).to_have_value("one\ntwo")
    await page.keyboard.press("Enter")
    await expect(field).to_have_value("")
    await expect(page.get_by_role("region", name="Messages")).to_contain_text("You said: one")


async def test_a_starter_prompt_begins_a_conversation(visit, screenshots: Path):
    page = visit.page
    await page.screenshot(path=screenshots / "empty.png")
    await page.get_by_role("button", name="Just talk").click()
    await expect(page.get_by_role("region", name="Messages")).to_contain_text("You said: Tell me")


async def test_every_control_has_a_name(visit):
    page = visit.page
    await send(page, "Please calculate it")
    nameless = await page.evaluate(
        """() => [...document.querySelectorAll('button, a, input, select, textarea')]
            .filter((e) => !(e.ariaLabel || e.labels?.length || e.textContent.trim()))
            .map((e) => e.outerHTML)"""
    )
    assert nameless == []


@pytest.mark.parametrize("context", [PHONE], indirect=True)
@pytest.mark.parametrize(
    ("address", "told"),
    [("/nowhere", "There is nothing at this address."), ("/t/thr_gone", "There is no thread")],
)
async def test_who_comes_to_what_is_not_there_finds_the_way_on(
    visit, screenshots: Path, address: str, told: str
):
    page = visit.page
    await page.goto(address)
    await expect(page.get_by_text(told)).to_be_visible()
    await page.screenshot(path=screenshots / f"nothing{address.replace('/', '-')}.png")
    await expect(page.get_by_role("button", name="Load again")).to_have_count(0)
    await page.get_by_role("button", name="Open the sidebar").click()
    await expect(page.get_by_label("Search conversations")).to_be_visible()
    await page.keyboard.press("Escape")
    await page.goto(address)
    await page.get_by_role("link", name="Begin a new conversation").click()
    await expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
    # The browser itself complains of every answer of 404.
    assert all("404" in complaint for complaint in visit.complaints)
    visit.complaints.clear()


@pytest.mark.parametrize("context", [PHONE], indirect=True)
async def test_a_phone_shows_everything_without_scrolling_sideways(visit, screenshots: Path):
    page = visit.page
    await send(page, "Show me some markdown")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert await page.evaluate(wide) is False
    await page.screenshot(path=screenshots / "phone.png")
    link = page.get_by_role("link", name="New chat")
    await expect(link).not_to_be_visible()
    await page.get_by_role("button", name="Open the sidebar").click()
    await link.click()
    await expect(page.get_by_role("heading", name="What shall we do?")).to_be_visible()
    await expect(link).not_to_be_visible()


@pytest.mark.parametrize("context", [{"color_scheme": "dark"}], indirect=True)
async def test_the_theme_follows_the_system_until_a_person_chooses(visit, screenshots: Path):
    page = visit.page

    async def background() -> str:
        return await page.evaluate("getComputedStyle(document.body).backgroundColor")

    dark = await background()
    await send(page, "Show me some markdown")
    await page.screenshot(path=screenshots / "dark.png")
    await page.get_by_role("button", name="Theme: system").click()
    light = await background()
    assert light != dark
    await page.reload()
    assert await background() == light


async def test_a_browser_that_is_not_signed_in_is_told_how_to(muxi, browser: Browser):
    context = await browser.new_context()
    page = await context.new_page()
    answer = await page.goto(muxi.url)
    assert answer is not None
    assert answer.status == 401
    await expect(page.locator("body")).to_contain_text("muxi open")
    await context.close()
