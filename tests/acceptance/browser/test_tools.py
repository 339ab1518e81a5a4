"""The page of tools in a browser: listed, found by words, shown one by one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]


async def test_tools_are_listed_found_and_shown(visit, screenshots: Path):
    page = visit.page
    await page.get_by_role("link", name="Tools").click()
    await expect(page.get_by_role("heading", name="Tools")).to_be_visible()
    main = page.get_by_role("main")
    await expect(main.get_by_role("link", name="calculator")).to_contain_text("1.0.0")
    await page.screenshot(path=screenshots / "tools.png")
    await page.get_by_label("Find tools").fill("what time is it in Tokyo")
    await expect(main.get_by_role("listitem").first).to_contain_text("clock")
    await page.screenshot(path=screenshots / "tools-found.png")
    await main.get_by_role("listitem").first.get_by_role("link").click()
    await expect(page).to_have_url(f"{page.url.partition('/tools')[0]}/tools/clock")
    version = page.get_by_role("region", name="Version 1.0.0")
    await expect(version).to_contain_text("Changes nothing")
    await expect(version.get_by_role("row", name="place")).to_contain_text("City, country")
    await version.get_by_text("Schema").click()
    await expect(version).to_contain_text('"additionalProperties": false')
    await page.screenshot(path=screenshots / "tool.png", full_page=True)


async def test_who_may_use_a_tool_and_what_it_touches_is_told(visit, screenshots: Path):
    page = visit.page
    await page.goto("/tools/calculator")
    await expect(page.get_by_role("main")).to_contain_text("assistant, careful")
    await page.goto("/tools/web_fetch")
    await expect(page.get_by_role("main")).to_contain_text("Any public host")
    await page.goto("/tools/nothing_of_the_kind")
    await expect(page.get_by_role("alert")).to_contain_text("There is no tool nothing_of_the_kind.")
    visit.complaints.clear()  # browsers report every answer of 400 and above


@pytest.mark.parametrize("context", [{"viewport": {"width": 380, "height": 740}}], indirect=True)
async def test_the_page_of_a_tool_fits_a_phone(visit, screenshots: Path):
    page = visit.page
    await page.goto("/tools/web_search")
    await expect(page.get_by_role("heading", name="web_search")).to_be_visible()
    width = await page.evaluate("document.documentElement.scrollWidth")
    assert width <= 380
    await page.screenshot(path=screenshots / "tool-phone.png", full_page=True)
