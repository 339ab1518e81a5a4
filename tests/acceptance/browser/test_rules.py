"""Roles, policies and the audit log on the page: made, explained, changed, verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.ci, pytest.mark.asyncio(loop_scope="module")]


async def test_a_rule_is_made_explained_changed_and_entered_in_the_log(
    visit, screenshots: Path, tmp_path: Path
):
    page: Page = visit.page
    await page.get_by_role("link", name="People and keys").click()
    users = page.get_by_role("region", name="Users")
    await users.get_by_label("Name").fill("eve")
    await users.get_by_role("button", name="Add user").click()
    await expect(users.get_by_text("eve", exact=True)).to_be_visible()
    await page.get_by_role("link", name="Roles and policies").click()

    roles = page.get_by_role("region", name="Roles")
    await expect(
        roles.get_by_role("listitem").filter(has_text="May do everything.")
    ).to_be_visible()
    await roles.get_by_label("Name").fill("support")
    await roles.get_by_label("Allows").fill("runs.begin")
    await roles.get_by_role("button", name="Add role").click()
    await expect(roles.get_by_role("alert")).to_contain_text("permits nothing")
    await roles.get_by_label("Allows").fill("runs.* agents.use:careful")
    await roles.get_by_role("button", name="Add role").click()
    support = roles.get_by_role("listitem").filter(has_text="support")
    await expect(support.get_by_text("allows runs.*, agents.use:careful")).to_be_visible()

    policies = page.get_by_role("region", name="Policies")
    await policies.get_by_label("Name").fill("no-sums")
    await policies.get_by_label("What", exact=True).fill("tools.use:calculator")
    await policies.get_by_label("To", exact=True).fill("eve")
    await policies.get_by_label("What they are told").fill("Reckon yourself.")
    await policies.get_by_role("button", name="Add policy").click()
    rule = policies.get_by_role("listitem").filter(has_text="no-sums")
    await expect(rule.get_by_text("refuses tools.use:calculator to eve")).to_be_visible()

    why = page.get_by_role("region", name="Who may do what?")
    await why.get_by_label("User").fill("eve")
    await why.get_by_label("Action").fill("tools.use:calculator")
    await why.get_by_role("button", name="Ask").click()
    await expect(why.get_by_role("note")).to_contain_text("No. Reckon yourself.")
    await expect(why.get_by_role("note")).to_contain_text("denied by the policy no-sums")
    await page.screenshot(path=screenshots / "rules.png")

    await rule.get_by_role("button", name="Change").click()
    form = policies.get_by_role("region", name="Change no-sums")
    await expect(form.get_by_label("What they are told")).to_have_value("Reckon yourself.")
    await form.get_by_label("To", exact=True).fill("somebody @else")
    await form.get_by_role("button", name="Save").click()
    await expect(rule.get_by_text("to somebody, @else")).to_be_visible()
    await why.get_by_role("button", name="Ask").click()
    await expect(why.get_by_role("note")).to_contain_text("Yes.")
    await support.get_by_role("button", name="Change").click()
    await support.get_by_role("button", name="Remove").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    await expect(support).to_have_count(0)

    await page.get_by_role("link", name="Audit log").click()
    entries = page.get_by_role("listitem").filter(has_text="local session")
    await expect(entries.filter(has_text="policies.write")).to_have_count(2)
    await page.get_by_label("Action").fill("users.write")
    await expect(entries.filter(has_text="policies.write")).to_have_count(0)
    await expect(entries.filter(has_text="user eve")).to_have_count(1)
    await page.get_by_role("button", name="Verify").click()
    await expect(page.get_by_role("note")).to_contain_text("Nothing is wrong with")
    await page.screenshot(path=screenshots / "audit.png")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export").click()
    await (await download.value).save_as(tmp_path / "audit.jsonl")
    lines = (tmp_path / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["tenant"] == "default"
    assert any('"policies.write"' in line for line in lines)
    # What the server refused is shown where it was typed, and the browser's console tells it too.
    assert len(visit.complaints) == 1
    visit.complaints.clear()
