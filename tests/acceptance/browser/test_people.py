"""People and keys on the page: a user is added, signs in, makes a key and revokes it."""

from __future__ import annotations

import aiohttp
import pytest
from playwright.async_api import Browser, Page, expect

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]

PASSWORD = "correct horse battery"


async def test_a_user_is_added_signs_in_and_makes_a_key(muxi, visit, browser: Browser):
    page: Page = visit.page
    await page.goto(f"{muxi.url}/people")
    users = page.get_by_role("region", name="Users")
    await users.get_by_label("Name").fill("ann")
    await users.get_by_label("Password, if any").fill(PASSWORD)
    await users.get_by_role("button", name="Add user").click()
    await expect(users.get_by_text("ann", exact=True)).to_be_visible()

    context = await browser.new_context()
    own = await context.new_page()
    await own.goto(f"{muxi.url}/people")
    await own.get_by_label("Name or e-mail address").fill("ann")
    await own.get_by_label("Password").fill("wrong")
    await own.get_by_role("button", name="Sign in").click()
    await expect(own.get_by_role("alert")).to_have_text("Name or password is wrong.")
    await own.get_by_label("Password").fill(PASSWORD)
    await own.get_by_role("button", name="Sign in").click()
    await own.get_by_role("link", name="People and keys").click()
    await expect(own.get_by_text("member", exact=True)).to_be_visible()
    await expect(own.get_by_role("region", name="Users")).to_have_count(0)

    await own.get_by_label("What it is for").fill("nightly")
    await own.get_by_label("Scopes").fill("threads.read")
    await own.get_by_role("button", name="Make key").click()
    key = await own.locator("code", has_text="muxi_key_").inner_text()
    assert await _status(muxi.url, "/api/threads", key) == 200
    assert await _status(muxi.url, "/api/runs", key) == 403
    await own.get_by_role("button", name="Revoke").click()
    await own.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    await expect(own.get_by_text("nightly")).to_have_count(0)
    assert await _status(muxi.url, "/api/threads", key) == 401

    await own.get_by_role("button", name="Sign out").click()
    await expect(own.get_by_label("Name or e-mail address")).to_be_visible()
    await context.close()


async def _status(url: str, path: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.get(url + path) as answer,
    ):
        return answer.status
