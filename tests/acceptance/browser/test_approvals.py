"""What runs ask, answered in a browser: in the conversation, and in the list of all that waits."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import BrowserContext, Locator, Page, expect

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]


async def send(page: Page, agent: str, text: str) -> None:
    await page.get_by_label("Agent").select_option(agent)
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


async def finished(page: Page) -> None:
    await expect(page.get_by_role("status")).to_have_text("The answer is complete")


def messages(page: Page) -> Locator:
    return page.get_by_role("region", name="Messages")


async def test_a_question_is_answered_by_a_choice(visit, screenshots: Path):
    page = visit.page
    await send(page, "asking", "Please ask me to choose")
    await expect(page.get_by_role("heading", name="ask_user asks")).to_be_visible()
    await expect(messages(page)).to_contain_text("Which colour shall it be?")
    await page.get_by_role("button", name="Answer").click()
    await expect(page.get_by_role("alert")).to_contain_text("choose one")
    await page.get_by_label("green").check()
    await page.screenshot(path=screenshots / "question-choice.png")
    await page.get_by_role("button", name="Answer").click()
    await finished(page)
    await expect(messages(page)).to_contain_text("The tool says green.")


async def test_a_question_is_answered_by_a_form_after_a_reload(visit, screenshots: Path):
    page = visit.page
    await send(page, "asking", "Please ask me")
    await expect(page.get_by_label("City")).to_be_visible()
    await page.reload()
    await page.get_by_label("City").fill("Rome")
    await page.get_by_label("How many people").fill("0")
    await page.get_by_label("A seat at the window").check()
    await page.screenshot(path=screenshots / "question-form.png")
    await page.get_by_role("button", name="Answer").click()
    await expect(page.get_by_role("alert")).to_contain_text("0 is less than the minimum of 1")
    visit.complaints.clear()  # browsers report every answer of 400 and above
    await page.get_by_label("How many people").fill("2")
    await page.get_by_role("button", name="Answer").click()
    await finished(page)
    await expect(messages(page)).to_contain_text('"city": "Rome"')


async def test_a_question_can_be_declined(visit):
    page = visit.page
    await send(page, "asking", "Please ask me to choose")
    await page.get_by_role("button", name="Decline").click()
    await finished(page)
    await expect(messages(page)).to_contain_text("does not want to answer")


async def test_all_that_waits_is_listed_and_answered_in_one_place(visit, screenshots: Path):
    page = visit.page
    for agent, text in (("careful", "Please calculate it"), ("asking", "Please ask me to choose")):
        await page.get_by_role("link", name="New chat").click()
        await send(page, agent, text)
        await expect(messages(page).locator("h4")).to_be_visible()
    await page.get_by_role("link", name="Approvals").click()
    cards = page.get_by_role("main").get_by_role("listitem")
    await expect(cards).to_have_count(2)
    await expect(page.get_by_role("link", name="Approvals")).to_contain_text("2")
    await page.screenshot(path=screenshots / "approvals.png")
    await cards.filter(has_text="calculator").get_by_role("button", name="Deny").click()
    await expect(cards).to_have_count(1)
    await cards.get_by_role("link", name="Open the conversation").click()
    await page.get_by_label("blue").check()
    await page.get_by_role("button", name="Answer").click()
    await finished(page)
    await page.get_by_role("link", name="Approvals").click()
    await expect(page.get_by_text("Nothing waits for you.")).to_be_visible()


async def test_an_answer_that_somebody_else_was_faster_with_is_told(
    visit, context: BrowserContext, screenshots: Path
):
    page = visit.page
    await send(page, "careful", "Please calculate it")
    await expect(page.get_by_role("heading", name="Allow calculator?")).to_be_visible()
    cookies = {each["name"]: each["value"] for each in await context.cookies()}  # pyright: ignore[reportTypedDictNotRequiredAccess] -- a cookie has both
    base = page.url.partition("/t/")[0]
    async with aiohttp.ClientSession(cookies=cookies, headers={"Origin": base}) as http:
        async with http.get(f"{base}/api/approvals") as response:
            (asked,) = (await response.json())["items"]
        async with http.post(
            f"{base}/api/approvals/{asked['id']}", json={"decision": "deny", "reason": "No."}
        ) as response:
            assert response.status == 200
    await page.get_by_role("button", name="Approve", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("answered already: deny, by local")
    await page.screenshot(path=screenshots / "question-answered-elsewhere.png")
    visit.complaints.clear()  # browsers report every answer of 400 and above
    await expect(page.locator("details", has_text="calculator")).to_contain_text("Denied")


@pytest.mark.parametrize(
    "context", [{"viewport": {"width": 390, "height": 800}, "color_scheme": "dark"}], indirect=True
)
async def test_questions_fit_a_phone(visit, screenshots: Path):
    page = visit.page
    await send(page, "asking", "Please ask me")
    await expect(page.get_by_label("City")).to_be_visible()
    await page.screenshot(path=screenshots / "question-phone.png")
    wide = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
    assert not await page.evaluate(wide)
    await page.get_by_role("button", name="Decline").click()
    await finished(page)
