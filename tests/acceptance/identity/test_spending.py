"""`muxi budget` and `muxi usage`, as they are typed around a run."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.identity.conftest import Admin
from tests.support.command import Muxi


@pytest.mark.ci
async def test_what_a_budget_allows_is_used_up(project: Muxi) -> None:
    async with project.start("up", "--port", "0", "--json") as running:
        await running.until(lambda it: it.out.endswith("\n"))
        limit = ("--per", "user", "--every", "day", "--runs", "1")
        done = await project("budget", "set", "small", *limit)
        assert (done.code, done.err) == (0, "Set small: 1 run.\n")
        assert (await project("run", "--user", "ann", "Hello")).code == 0
        refused = await project("run", "--user", "ann", "Hello again")
        assert refused.code != 0
        assert "small" in refused.err
        (left,) = json.loads((await project("budget", "left", "--user", "ann", "--json")).out)
        assert (left["subject"], left["left"]["runs"], left["limit"]["runs"]) == ("user:ann", 0, 1)
        (line,) = (await project("usage", "--by", "user,agent")).out.splitlines()
        assert line.split()[:6] == ["ann", "assistant", "1", "1", "20", "10"]


@pytest.mark.ci
def test_budgets_are_listed_shown_and_removed(admin: Admin) -> None:
    admin("budget", "set", "small", "--per", "user", "--every", "day", "--cost", "1.50")
    admin("budget", "set", "small", "--per", "user", "--every", "month", "--tokens", "5000")
    assert admin("budget", "list").out.split()[:6] == [
        *("small", "user", "every", "month", "5,000", "tokens")
    ]
    shown = dict(
        line.split(maxsplit=1) for line in admin("budget", "show", "small").out.splitlines()
    )
    assert (shown["per"], shown["tokens"], shown["source"]) == ("user", "5000", "api")
    assert admin("budget", "delete", "small").err == "Deleted small.\n"
    assert "no budget small" in admin("budget", "show", "small", code=1).err
    assert admin("usage").out == admin("budget", "left").out == ""


@pytest.mark.ci
def test_what_makes_no_budget_is_told(admin: Admin) -> None:
    wrong = admin("budget", "set", "x", "--per", "nobody", "--tokens", "5", code=2).err
    assert wrong.startswith("error: --per: ")
    assert admin("budget", "set", "x", "--per", "run", "--cost", "much", code=2).err
    assert "is no date" in admin("usage", "--since", "yesterday", code=2).err
    assert admin("budget", "list").out == ""
