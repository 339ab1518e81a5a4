"""`muxi tool` as a user has it: processes, and a project's own files."""

from __future__ import annotations

import json

import pytest

from tests.support.command import Muxi

PROJECT = """\
model: scripted/echo
agents:
  careful: {tools: ["search@^1"]}
  bold: {tools: [search, calculator]}
tools:
  search@1.4.0: old.py:search
  search: new.py:search
"""
SEARCH = '''
from muxi import tool

@tool(version="{version}", read_only=True)
def search(query: str{more}) -> str:
    """Search the archive of old letters."""
    return "nothing"
'''


@pytest.fixture
def project(muxi: Muxi) -> Muxi:
    (muxi.folder / "muxi.yaml").write_text(PROJECT)
    (muxi.folder / "old.py").write_text(SEARCH.format(version="1.4.0", more=""))
    (muxi.folder / "new.py").write_text(SEARCH.format(version="2.1.0", more=", limit: int = 5"))
    return muxi


async def test_tools_are_listed_shown_and_searched(project: Muxi):
    listed = await project("tool", "list")
    lines = {line.split()[0]: line for line in listed.out.splitlines()}
    assert "2.1.0, 1.4.0" in lines["search"]
    assert "Search the archive of old letters." in lines["search"]
    assert "calculator" in lines
    shown = await project("tool", "show", "search")
    assert "version     2.1.0 from `tools.search`" in shown.out
    assert "name it as  search@1.4.0" in shown.out
    assert "changes nothing" in shown.out
    found = await project("tool", "search", "old letters", "--limit", "1", "--json")
    assert [tool["name"] for tool in json.loads(found.out)] == ["search"]
    missing = await project("tool", "show", "serach")
    assert missing.code != 0
    assert "There is no tool serach." in missing.err


async def test_a_run_s_tools_are_listed(project: Muxi):
    await project("run", "hello", "--agent", "careful")
    # The run is the newest of the only thread.
    threads = await project("threads", "list", "--json")
    (thread,) = json.loads(threads.out)
    shown = await project("threads", "show", thread["id"], "--json")
    run_id = json.loads(shown.out)[0]["run_id"]
    listed = await project("tool", "list", "--run", run_id)
    name, version, digest = listed.out.split()
    assert (name, version, len(digest)) == ("search", "1.4.0", 16)
    whole = json.loads((await project("tool", "list", "--run", run_id, "--json")).out)
    assert whole[0]["digest"].startswith(digest)


async def test_a_break_under_a_patch_is_told_with_its_mend(project: Muxi):
    first = await project("tool", "check", "--record")
    assert first.code == 0
    assert "Recorded as they are." in first.err
    recorded = (project.folder / "muxi.tools.json").read_bytes()
    (project.folder / "new.py").write_text(SEARCH.format(version="2.1.1", more=", limit: int"))
    second = await project("tool", "check", "--record")
    assert second.code != 0
    assert "search 2.1.1 should be 3.0.0 or higher: `limit` is required since 2.1.0" in second.err
    assert "@tool(version='3.0.0')" in second.err
    assert (project.folder / "muxi.tools.json").read_bytes() == recorded
    (project.folder / "new.py").write_text(SEARCH.format(version="3.0.0", more=", limit: int"))
    assert (await project("tool", "check", "--record")).code == 0
