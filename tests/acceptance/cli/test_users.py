"""Commands for different users of one project."""

from __future__ import annotations

import json

import pytest

from tests.support.command import Muxi


async def test_a_command_acts_for_the_user_that_it_is_told(project: Muxi) -> None:
    assert (await project("run", "--user", "Ann %", "I am Ann")).code == 0
    mine = await project("threads", "list", "--json")
    assert (mine.code, json.loads(mine.out)) == (0, [])
    project.environment["MUXI_USER"] = "Ann %"
    (thread,) = json.loads((await project("threads", "list", "--json")).out)
    assert (thread["title"], thread["owner"]) == ("I am Ann", "Ann %")
    shown = await project("threads", "show", thread["id"], "--user", "ben")
    assert (shown.code, shown.out) == (1, "")
    assert "There is no thread" in shown.err


@pytest.mark.ci
async def test_a_user_that_cannot_be_is_wrong_use(project: Muxi) -> None:
    for name in ("", "a\nb", "x" * 201):
        done = await project("threads", "list", "--user", name)
        assert (done.code, done.out) == (2, "")
        assert "user" in done.err
    assert not (project.folder / ".muxi" / "muxi.db").exists()


@pytest.mark.ci
@pytest.mark.parametrize("command", [("usage",), ("memory", "forget", "--dry-run")])
async def test_a_span_that_ends_before_it_begins_is_told(
    project: Muxi, command: tuple[str, ...]
) -> None:
    done = await project(*command, "--since", "2026-02-01", "--until", "2026-01-31")
    assert (done.code != 0, done.out) == (True, "")
    assert "The span ends before" in done.err


@pytest.mark.ci
async def test_the_command_that_is_proposed_is_for_the_same_user(project: Muxi) -> None:
    done = await project("run", "--user", "Ann %", "-a", "careful", "calculate it")
    assert done.code == 3
    assert "--user 'Ann %'`" in done.err
