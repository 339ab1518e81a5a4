"""The tools of a project over the API: listed, searched, shown, checked, and recorded by runs."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from support.remote import raw
from support.served import Served, served

from muxi.core.errors import ConfigError, NotFound
from muxi.core.events import ToolCompleted
from muxi.core.requests import ModelRequest
from muxi.models.scripted import call

SEARCH = '''
from muxi.tools.function import tool

@tool(version="{version}", title="Search the archive", read_only=True)
def search(query: str{more}) -> str:
    """Search the archive of old letters.

    Args:
        query: What to look for.
    """
    return "found by {version}"
'''
TOOLS: dict[str, Any] = {
    "search@1.4.0": {"kind": "python", "function": "old.py:search"},
    "search": {"kind": "python", "function": "new.py:search"},
    "broken": {"kind": "python", "function": "gone.py:x"},
}
AGENTS: dict[str, Any] = {
    "careful": {"name": "careful", "tools": ["search@^1", "clock"]},
    "bold": {"name": "bold", "tools": ["search"]},
}


def write(folder: Path, version: str = "2.1.0", more: str = ", limit: int = 5") -> None:
    (folder / "old.py").write_text(SEARCH.format(version="1.4.0", more=""))
    (folder / "new.py").write_text(SEARCH.format(version=version, more=more))


async def text_of(muxi: Served, path: str) -> str:
    async with muxi.http.get(f"{muxi.url}{path}") as answer:
        return await answer.text()


async def test_tools_are_listed_page_by_page_with_their_versions_and_users(tmp_path: Path):
    write(tmp_path)
    async with served(tmp_path, ["hi"], agents=AGENTS, tools=TOOLS) as muxi:
        first = await muxi.client.tools.page(limit=3)
        names = [tool.name for tool in first.items]
        assert len(names) == 3
        assert names == sorted(names)
        broken = await muxi.client.tools.get("broken")
        assert "no file" in (broken.problem or "")
        rest = await muxi.client.tools.page(cursor=first.next, limit=500)
        assert not {tool.name for tool in rest.items} & set(names)
        assert rest.next is None
        by_name = {tool.name: tool for tool in rest.items}
        search = by_name["search"]
        assert [each.version for each in search.versions] == ["2.1.0", "1.4.0"]
        assert search.title == "Search the archive"
        assert search.summary == "Search the archive of old letters."
        assert sorted(search.agents) == ["bold", "careful"]
        assert by_name["clock"].agents == ["careful"]
        assert search.versions[0].parameters == {}
        assert search.versions[0].origin == "`tools.search`"


async def test_a_tool_is_shown_with_all_that_is_known_of_it(tmp_path: Path):
    write(tmp_path)
    async with served(tmp_path, ["hi"], agents=AGENTS, tools=TOOLS) as muxi:
        search = await muxi.client.tools.get("search")
        assert list(search.versions[0].parameters["properties"]) == ["query", "limit"]
        assert search.versions[0].tokens > 20
        assert search.versions[0].digest != search.versions[1].digest
        fetch = await muxi.client.tools.get("web_fetch")
        assert fetch.manifest is not None
        assert fetch.manifest.permissions.network == ("*",)
        with pytest.raises(NotFound, match="no tool nothing"):
            await muxi.client.tools.get("nothing")


async def test_tools_are_found_by_what_they_should_do(tmp_path: Path):
    write(tmp_path)
    async with served(tmp_path, ["hi"], agents=AGENTS, tools=TOOLS) as muxi:
        found = await muxi.client.tools.search("what is the time in another city", limit=3)
        assert found[0].name == "clock"
        assert len(found) == 3
        found = await muxi.client.tools.search("old letters", limit=1)
        assert [tool.name for tool in found] == ["search"]


async def test_the_tools_of_mcp_servers_stand_among_the_others(tmp_path: Path):
    servers = {"servers": {"s": {"command": raw(), "timeout": 5}}}
    agents = {"a": {"name": "a", "tools": ["mcp.s"]}}
    script = [call("s__add", a=1, b=2), "3"]
    async with served(tmp_path, script, agents=agents, mcp=servers) as muxi:
        await muxi.answer("What is 1 + 2?")
        add = await muxi.client.tools.get("s__add")
        assert [each.source for each in add.versions] == ["server"]
        assert add.versions[0].origin == "the MCP server s"
        assert add.versions[0].version == "2.0.1"


async def test_bad_queries_are_refused(tmp_path: Path):
    async with served(tmp_path, ["hi"]) as muxi:
        for query in ("limit=0", "limit=501", "query=", "colour=red"):
            assert '"code":"invalid_input"' in await text_of(muxi, f"/api/tools?{query}")


async def test_a_schema_that_breaks_callers_under_a_patch_is_found(tmp_path: Path):
    write(tmp_path)
    tools = {name: each for name, each in TOOLS.items() if name != "broken"}
    async with served(tmp_path, ["hi"], agents=AGENTS, tools=tools) as muxi:
        fresh = await muxi.client.tools.check()
        assert (fresh.checked, fresh.recorded) == (0, False)
        assert fresh.new == ["search@1.4.0", "search@2.1.0"]
        assert (await muxi.client.tools.check(record=True)).recorded
        assert (await muxi.client.tools.check()).new == []
    write(tmp_path, "2.1.1", ", limit: str")
    async with served(tmp_path, ["hi"], agents=AGENTS, tools=tools) as muxi:
        (finding,) = (await muxi.client.tools.check(record=True)).findings
        assert (finding.before, finding.now, finding.needed) == ("2.1.0", "2.1.1", "3.0.0")
        assert (finding.change, finding.severity) == ("major", "error")
        assert "`limit` is required" in finding.reasons
        assert not (await muxi.client.tools.check(record=True)).recorded
    write(tmp_path, "3.0.0", ", limit: str")
    async with served(tmp_path, ["hi"], agents=AGENTS, tools=tools) as muxi:
        assert (await muxi.client.tools.check(record=True)).recorded
    (tmp_path / "muxi.tools.json").write_text("{")
    async with served(tmp_path, ["hi"], agents=AGENTS, tools=tools) as muxi:
        with pytest.raises(ConfigError, match="is no record of tools"):
            await muxi.client.tools.check()


async def test_a_run_tells_over_the_api_what_its_model_was_shown(tmp_path: Path):
    write(tmp_path)
    tools = {name: each for name, each in TOOLS.items() if name != "broken"}
    async with served(tmp_path, ["hi", "ho"], agents=AGENTS, tools=tools) as muxi:
        runs = [await muxi.client.start_run("go", agent=name) for name in ("careful", "bold")]
        await asyncio.gather(*(muxi.follow(run.id) for run in runs))
        careful, bold = [await muxi.client.run(run.id) for run in runs]
        assert [(each.name, each.version) for each in careful.tools] == [
            ("search", "1.4.0"),
            ("clock", "1.0.0"),
        ]
        shown = {
            each.version: each.digest for each in (await muxi.client.tools.get("search")).versions
        }
        assert [each.digest for each in bold.tools] == [shown["2.1.0"]]
        assert careful.tools[0].digest == shown["1.4.0"]


async def test_tools_of_servers_are_searched_as_all_others_are(tmp_path: Path):
    servers = {"servers": {"s": {"command": raw(), "timeout": 5}}}
    search = {"above": 50, "first": 0, "pinned": ["clock"]}
    agents = {"a": {"name": "a", "tools": ["mcp.s", "clock"], "tool_search": search}}
    shown: list[list[str]] = []
    script = iter([call("find_tools", query="add two numbers", limit=1), call("s__add", a=1, b=2)])

    def answer(request: ModelRequest) -> Any:
        shown.append([spec.name for spec in request.tools])
        return next(script, "It is 3.")

    async with served(tmp_path, answer, agents=agents, mcp=servers) as muxi:
        _, events = await muxi.answer("What is 1 + 2?")
        assert [event.result.text for event in events if isinstance(event, ToolCompleted)][
            -1
        ] == "3"
    assert shown[0] == ["find_tools", "clock"]
    assert shown[1] == ["find_tools", "clock", "s__add"]
