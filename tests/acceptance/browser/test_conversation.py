"""A conversation in a browser: typed, streamed, stopped, approved, reloaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import BrowserContext, Locator, Page, Route, expect
from support.conversationalist import Conversationalist

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]


async def send(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.keyboard.press("Enter")


def messages(page: Page) -> Locator:
    return page.get_by_role("region", name="Messages")


async def finished(page: Page) -> None:
    await expect(page.get_by_role("button", name="Send")).to_be_attached()
    await expect(page.get_by_role("status")).to_have_text("The answer is complete")


async def test_a_message_is_answered_and_still_there_after_a_reload(visit, screenshots: Path):
    page = visit.page
    await send(page, "Show me some markdown")
    await expect(page.get_by_role("table")).to_contain_text("8,192")
    await finished(page)
    await expect(page.get_by_role("heading", name="Steps")).to_be_visible()
    await expect(page.locator("pre .hljs-keyword").first).to_have_text("def")
    await page.screenshot(path=screenshots / "answer.png")
    address = page.url
    assert "/t/thr_" in address

    await page.reload()
    assert page.url == address
    await expect(page.get_by_text("Show me some markdown").last).to_be_visible()
    await expect(page.get_by_role("table")).to_contain_text("8,192")
    await expect(page.get_by_role("link", name="Show me some markdown").first).to_be_visible()


async def test_a_page_reloaded_in_the_middle_of_an_answer_goes_on_with_it(
    visit, model: Conversationalist
):
    page = visit.page
    model.go_on.clear()
    await send(page, "Speak slowly")
    await expect(messages(page)).to_contain_text("The beginning")
    await page.reload()
    await expect(messages(page)).to_contain_text("The beginning")
    await expect(page.get_by_role("button", name="Stop")).to_be_visible()
    model.go_on.set()
    await finished(page)
    await expect(messages(page).get_by_text("The beginning and the end.")).to_have_count(1)


async def test_a_lost_connection_is_told_and_made_again(visit, model: Conversationalist):
    page, away = visit.page, True

    async def pass_or_refuse(route: Route) -> None:
        await (route.abort("connectionreset") if away else route.continue_())

    await page.route("**/events?*", pass_or_refuse)
    model.go_on.clear()
    await send(page, "Speak slowly")
    await expect(page.get_by_text("The connection was lost")).to_be_visible()
    model.go_on.set()
    away = False
    await finished(page)
    await expect(messages(page).get_by_text("The beginning and the end.")).to_have_count(1)
    await expect(page.get_by_text("The connection was lost")).to_have_count(0)
    assert all("ERR_CONNECTION_RESET" in complaint for complaint in visit.complaints)
    visit.complaints.clear()


async def test_escape_stops_an_answer_and_keeps_what_was_said(visit, model: Conversationalist):
    page = visit.page
    model.go_on.clear()
    await send(page, "Speak slowly")
    await expect(messages(page)).to_contain_text("The beginning")
    await page.keyboard.press("Escape")
    await expect(messages(page).get_by_text("Stopped")).to_be_visible()
    await expect(messages(page)).to_contain_text("The beginning")
    await page.reload()
    await expect(messages(page).get_by_text("Stopped")).to_be_visible()
    await expect(messages(page)).to_contain_text("The beginning")
    await send(page, "And now?")
    await expect(messages(page)).to_contain_text("You said: And now?")
    await finished(page)


async def test_a_tool_call_shows_what_was_asked_and_what_came_of_it(visit, screenshots: Path):
    page = visit.page
    await send(page, "Please calculate it")
    await finished(page)
    card = page.locator("details", has_text="calculator")
    await expect(card).to_contain_text("Done")
    await card.locator("summary").click()
    await expect(card.get_by_text('"expression": "17 * 23"')).to_be_visible()
    await expect(card).to_contain_text("391")
    await expect(messages(page)).to_contain_text("The tool says")
    await page.screenshot(path=screenshots / "tool.png")


async def test_a_person_approves_a_call_with_other_arguments(visit, screenshots: Path):
    page = visit.page
    await page.get_by_label("Agent").select_option("careful")
    await send(page, "Please calculate it")
    await expect(page.get_by_role("heading", name="Allow calculator?")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Allow calculator?")).to_be_visible()
    await page.screenshot(path=screenshots / "approval.png")
    await page.get_by_role("button", name="Edit arguments").click()
    field = page.get_by_label("Arguments, as JSON")
    await field.fill("{not JSON")
    await expect(page.get_by_role("alert")).to_contain_text("must be a JSON object")
    await expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    await field.fill('{"expression": "2 + 3"}')
    await page.get_by_role("button", name="Approve with changes").click()
    await finished(page)
    await expect(page.locator("details", has_text="2 + 3")).to_contain_text("Done")
    await expect(messages(page)).to_contain_text("The tool says")


async def test_a_page_that_does_not_know_of_a_question_is_shown_it(
    visit, context: BrowserContext, screenshots: Path
):
    page = visit.page
    await page.get_by_label("Agent").select_option("careful")
    await send(page, "Say hello")
    await finished(page)
    other = await context.new_page()
    await other.goto(page.url)
    await finished(other)
    await send(page, "Please calculate it")
    await expect(page.get_by_role("heading", name="Allow calculator?")).to_be_visible()
    await send(other, "And something else")
    await expect(other.get_by_role("heading", name="Allow calculator?")).to_be_visible()
    await expect(other.get_by_text("waits for a person")).to_be_visible()
    await other.screenshot(path=screenshots / "question-of-another-page.png")
    await other.get_by_role("button", name="Dismiss").click()
    await other.get_by_role("button", name="Deny").click()
    await finished(other)
    await expect(other.get_by_label("Message", exact=True)).to_have_value("And something else")
    await other.get_by_label("Message", exact=True).press("Enter")
    await expect(messages(other)).to_contain_text("You said: And something else")
    await finished(other)


async def test_a_person_denies_a_call(visit):
    page = visit.page
    await page.get_by_label("Agent").select_option("careful")
    await send(page, "Please calculate it")
    await page.get_by_role("button", name="Deny").click()
    await finished(page)
    await expect(page.locator("details", has_text="calculator")).to_contain_text("Denied")


async def test_a_failure_is_told_with_what_to_do_about_it(visit, screenshots: Path):
    page = visit.page
    await send(page, "Please fail")
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("401")
    await expect(alert).to_contain_text("Check that the key is valid")
    await expect(alert).not_to_contain_text("not-a-real-key")
    await page.screenshot(path=screenshots / "failure.png")
    await page.reload()
    await expect(alert).to_contain_text("Check that the key is valid")
    await page.get_by_role("button", name="Try again").click()
    await expect(messages(page).get_by_text("Please fail")).to_have_count(2)


async def test_markup_in_messages_is_shown_as_text(visit):
    page = visit.page
    await send(page, "Use markup: <b onmouseover=alert(1)>bold</b>")
    await finished(page)
    await expect(messages(page)).to_contain_text("<script>window.pwned = 1</script>")
    await expect(messages(page)).to_contain_text("<b onmouseover=alert(1)>bold</b>")
    assert await page.evaluate("window.pwned") is None
    assert await messages(page).locator("img, script, [onclick], [href^=javascript]").count() == 0
    hosts = {url.split("/")[2].split(":")[0] for url in visit.requests}
    assert hosts == {"localhost"}
