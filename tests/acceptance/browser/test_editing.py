"""What is edited on the page: users, groups, budgets, one's credentials; and by two at once."""

from __future__ import annotations

from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import BrowserContext, Locator, Page, expect

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def other(context: BrowserContext) -> Page:
    """A second window of the same administrator."""
    return await context.new_page()


def _row(within: Locator, name: str) -> Locator:
    named = within.page.locator("strong", has_text=name)
    return within.get_by_role("listitem").filter(has=named)


async def test_a_user_is_given_roles_and_keys_disabled_and_removed(visit, screenshots: Path):
    page: Page = visit.page
    await page.goto("/people")
    users = page.get_by_role("region", name="Users")
    await users.get_by_label("Name").fill("50% café é")
    await users.get_by_role("checkbox", name="member").uncheck()
    await users.get_by_role("checkbox", name="viewer").check()
    await users.get_by_role("button", name="Add user").click()
    await users.get_by_role("button", name="Make a sign-in link").click()
    await expect(users.get_by_role("note").locator("code")).to_contain_text("/login?token=")
    await users.get_by_role("link", name="50% café é").click()
    await expect(page.get_by_role("heading", name="50% café é")).to_be_visible()

    form = page.get_by_role("form", name="User")
    await expect(form.get_by_role("checkbox", name="viewer")).to_be_checked()
    await form.get_by_label("Full name").fill("Café Owner")
    await form.get_by_role("checkbox", name="auditor").check()
    await form.get_by_role("button", name="Save").click()
    await page.get_by_role("button", name="Disable").click()
    await expect(page.get_by_text("disabled", exact=True)).to_be_visible()
    await page.get_by_role("button", name="Enable").click()
    await expect(page.get_by_text("disabled", exact=True)).to_have_count(0)
    await page.reload()
    await expect(form.get_by_label("Full name")).to_have_value("Café Owner")
    await expect(form.get_by_role("checkbox", name="auditor")).to_be_checked()

    keys = page.get_by_role("region", name="Keys")
    await keys.get_by_label("What it is for").fill("nightly")
    await keys.get_by_role("button", name="Make key").click()
    shown = keys.get_by_role("note").locator("code")
    await expect(shown).to_contain_text("muxi_key_")
    first = await shown.inner_text()
    await keys.get_by_role("button", name="Rotate").click()
    await page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    await expect(keys.get_by_text("replaced, good until")).to_be_visible()
    assert await shown.inner_text() not in ("", first)
    await page.screenshot(path=screenshots / "user.png")

    await form.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(users).to_be_visible()
    await expect(users.get_by_role("link", name="50% café é")).to_have_count(0)


async def test_a_group_is_made_filled_and_emptied_by_the_keyboard_alone(visit, screenshots: Path):
    page: Page = visit.page
    await page.goto("/people")
    await page.get_by_role("region", name="Users").get_by_label("Name").fill("gus")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="gus")).to_be_visible()
    await page.get_by_role("link", name="Groups").press("Enter")
    await expect(page.get_by_role("heading", name="Groups")).to_be_visible()
    await page.get_by_label("Name").fill("desk:night")
    await page.keyboard.press("Tab")
    await page.keyboard.type("At night")
    await page.get_by_role("checkbox", name="auditor").press("Space")
    await page.keyboard.press("Enter")
    group = _row(page.get_by_role("main"), "desk:night")
    await expect(group.get_by_text("At night · auditor")).to_be_visible()

    await group.get_by_role("button", name="Change").press("Enter")
    await group.get_by_label("User", exact=True).fill("nobody")
    await page.keyboard.press("Enter")
    await expect(group.get_by_role("alert")).to_be_visible()
    await group.get_by_label("User", exact=True).fill("gus")
    await page.keyboard.press("Enter")
    await expect(group.get_by_role("button", name="Remove gus")).to_be_visible()
    await page.screenshot(path=screenshots / "groups.png")
    await group.get_by_role("checkbox", name="auditor").press("Space")
    await group.get_by_role("button", name="Save").press("Enter")
    await expect(group.get_by_text("At night · no roles")).to_be_visible()

    await group.get_by_role("button", name="Change").press("Enter")
    await group.get_by_role("button", name="Remove gus").press("Enter")
    await expect(group.get_by_text("Nobody yet.")).to_be_visible()
    await group.get_by_role("button", name="Remove", exact=True).press("Enter")
    await page.get_by_role("dialog").get_by_role("button", name="Remove").press("Enter")
    await expect(group).to_have_count(0)
    assert len(visit.complaints) == 1, "There is no user nobody."
    visit.complaints.clear()


async def test_a_budget_is_made_seen_to_be_used_changed_and_removed(visit, screenshots: Path):
    page: Page = visit.page
    await page.goto("/usage")
    budgets = page.get_by_role("region", name="Budgets")
    await budgets.get_by_label("Name").fill("daily")
    await budgets.get_by_role("button", name="Add budget").click()
    await expect(budgets.get_by_role("alert")).to_contain_text("tokens")
    await budgets.get_by_label("Runs").fill("10")
    await budgets.get_by_role("button", name="Add budget").click()
    daily = _row(budgets, "daily")
    await expect(daily.get_by_text("10 runs for each user every day")).to_be_visible()

    await page.goto("/")
    await page.get_by_label("Message", exact=True).fill("Hello")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("You said: Hello")).to_be_visible()
    await page.get_by_role("link", name="Usage").click()
    await expect(daily.get_by_text("9 runs of 10 runs left")).to_be_visible()
    await expect(daily.get_by_role("meter", name="runs")).to_have_attribute("aria-valuenow", "10")
    await expect(page.get_by_role("row").filter(has_text="assistant")).to_be_visible()

    await daily.get_by_role("button", name="Change").click()
    await daily.get_by_label("Only the user").fill("ann")
    await daily.get_by_label("Every").select_option("month")
    await daily.get_by_label("US dollars").fill("2.50")
    await daily.get_by_role("button", name="Save").click()
    words = "$2.50, 10 runs for the user ann every month"
    await expect(daily.get_by_text(words)).to_be_visible()
    await page.screenshot(path=screenshots / "budgets.png", full_page=True)
    await daily.get_by_role("button", name="Change").click()
    await daily.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(daily).to_have_count(0)
    assert len(visit.complaints) == 1, "A budget needs a limit."
    visit.complaints.clear()


async def test_a_change_that_another_overtook_is_told_and_not_made(visit, other: Page):
    page: Page = visit.page
    await page.goto("/roles")
    roles = page.get_by_role("region", name="Roles")
    await roles.get_by_label("Name").fill("porter")
    await roles.get_by_label("Allows").fill("runs.*")
    await roles.get_by_role("button", name="Add role").click()
    mine = _row(roles, "porter")
    await mine.get_by_role("button", name="Change").click()
    await expect(mine.get_by_label("Allows")).to_have_value("runs.*")

    await other.goto("/roles")
    theirs = _row(other.get_by_role("region", name="Roles"), "porter")
    await theirs.get_by_role("button", name="Change").click()
    await theirs.get_by_label("What it is for").fill("Carries things")
    await theirs.get_by_role("button", name="Save").click()
    await expect(theirs.get_by_text("Carries things")).to_be_visible()

    await mine.get_by_label("Allows").fill("threads.*")
    await mine.get_by_role("button", name="Save").click()
    await expect(mine.get_by_role("note")).to_contain_text("Somebody else changed this meanwhile")
    await expect(mine.get_by_label("What it is for")).to_have_value("Carries things")
    await expect(mine.get_by_label("Allows")).to_have_value("runs.*")
    await mine.get_by_label("Allows").fill("threads.*")
    await mine.get_by_role("button", name="Save").click()
    await expect(mine.get_by_text("allows threads.*")).to_be_visible()
    await expect(mine.get_by_text("Carries things")).to_be_visible()
    assert len(visit.complaints) == 1, "The server refused the first change."
    visit.complaints.clear()


async def test_a_credential_is_brought_replaced_and_forgotten(visit, screenshots: Path):
    page: Page = visit.page
    await page.get_by_role("link", name="Your credentials").click()
    weather = page.get_by_role("listitem").filter(has_text="Weather service")
    await expect(weather.get_by_text("Needed, and not set")).to_be_visible()
    advice = weather.get_by_role("link", name="https://weather.invalid/keys")
    await expect(advice).to_have_attribute("rel", "noreferrer")
    await expect(weather.get_by_role("button", name="Save")).to_be_disabled()

    await weather.get_by_label("WEATHER_KEY").fill("sesame-open-up")
    await weather.get_by_role("button", name="Save").click()
    await expect(weather.get_by_text("Set on")).to_be_visible()
    await expect(weather.get_by_label("WEATHER_KEY")).to_have_value("")
    await weather.get_by_label("WEATHER_KEY").fill("another-word")
    await weather.get_by_role("button", name="Replace").click()
    await expect(weather.get_by_label("WEATHER_KEY")).to_have_value("")
    await page.screenshot(path=screenshots / "credentials.png")
    await page.reload()
    await expect(weather.get_by_text("Set on")).to_be_visible()
    shown = await page.content()
    assert "sesame-open-up" not in shown
    assert "another-word" not in shown

    await weather.get_by_role("button", name="Forget").click()
    await expect(weather.get_by_text("Needed, and not set")).to_be_visible()
    await expect(weather.get_by_role("button", name="Forget")).to_have_count(0)
