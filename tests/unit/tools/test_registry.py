"""Who brings which tools, and which version an agent gets."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from muxi.core.errors import ConfigError, InvalidInput, ToolNotFound
from muxi.tools.function import FunctionTool, tool
from muxi.tools.registry import Entry, Registry, Source


def function(name: str, version: str | None = None) -> FunctionTool[..., str]:
    @tool(name=name, version=version)
    def made() -> str:
        """Do it."""
        return f"{name} {version}"

    return made


def entry(
    name: str,
    *functions: FunctionTool[..., str],
    source: Source = "project",
    origin: str = "here",
    open: bool = True,
) -> Entry:
    async def make() -> Sequence[FunctionTool[..., str]]:
        return functions

    names = tuple(dict.fromkeys(each.name for each in functions))
    return Entry(name=name, functions=names, source=source, origin=origin, make=make, open=open)


async def chosen(registry: Registry, text: str) -> list[tuple[str, str | None]]:
    found = [await registry.chosen(each) for each in registry.wanted(text)]
    return [(each.name, each.version) for functions in found for each in functions.values()]


def registry(*own: Entry, installed: Sequence[Entry] = ()) -> Registry:
    return Registry(own, lambda: installed)


SEARCH = (
    entry("search", function("search", "1.4.0"), origin="one"),
    entry("search", function("search", "2.1.0"), origin="two"),
)


async def test_a_range_chooses_among_the_versions_of_a_tool():
    tools = registry(*SEARCH)
    assert await chosen(tools, "search") == [("search", "2.1.0")]
    assert await chosen(tools, "search@^1") == [("search", "1.4.0")]
    assert await chosen(tools, "search@1.4.0") == [("search", "1.4.0")]
    assert await chosen(tools, "search@>=1 <3") == [("search", "2.1.0")]


async def test_a_version_that_nobody_has_is_told_with_those_that_there_are():
    tools = registry(*SEARCH)
    (wanted,) = tools.wanted("search@^3")
    with pytest.raises(ToolNotFound, match=r"no tool search of the versions \^3") as caught:
        await tools.chosen(wanted)
    assert caught.value.hint == "There is: 1.4.0, 2.1.0."
    with pytest.raises(ToolNotFound, match="no tool serach"):
        tools.wanted("serach")
    with pytest.raises(InvalidInput, match="no range of versions"):
        tools.wanted("search@newest")


async def test_a_tool_without_a_version_has_the_lowest():
    tools = registry(entry("plain", function("plain")))
    assert await chosen(tools, "plain") == [("plain", "0.0.0")]
    assert await chosen(tools, "plain@0") == [("plain", "0.0.0")]


async def test_the_project_goes_before_muxi_and_muxi_before_packages():
    own = entry("clock", function("clock", "3.0.0"))
    builtin = entry("clock", function("clock", "1.0.0"), source="builtin")
    package = entry("clock", function("clock", "9.0.0"), source="package")
    assert await chosen(registry(builtin, own), "clock") == [("clock", "3.0.0")]
    tools = registry(builtin, installed=[package])
    assert await chosen(tools, "clock") == [("clock", "1.0.0")]
    assert await chosen(tools, "clock@9") == [("clock", "9.0.0")]


async def test_packages_are_looked_at_only_where_nothing_else_has_a_name():
    def look() -> Sequence[Entry]:
        raise AssertionError

    tools = Registry(SEARCH, look)
    assert await chosen(tools, "search") == [("search", "2.1.0")]
    assert await chosen(tools, "sea*")


async def test_a_kind_brings_all_its_functions_and_single_ones_can_be_named():
    tools = registry(
        entry("files", function("read_file", "1.0.0"), function("write_file", "1.0.0"))
    )
    both = [("read_file", "1.0.0"), ("write_file", "1.0.0")]
    assert await chosen(tools, "files") == both
    assert await chosen(tools, "files@^1") == both
    assert await chosen(tools, "read_file") == both[:1]
    assert await chosen(tools, "files.write_file") == both[1:]
    assert await chosen(tools, "*_file@1") == both
    (wanted,) = tools.wanted("files.format_disk")
    with pytest.raises(ToolNotFound, match="brings no tool format_disk"):
        await tools.chosen(wanted)


async def test_two_entries_with_the_same_function_and_version_must_be_told_apart():
    tools = registry(
        entry("sales", function("query", "1.0.0"), origin="`tools.sales`"),
        entry("staff", function("query", "1.0.0"), origin="`tools.staff`"),
    )
    (wanted,) = tools.wanted("query")
    with pytest.raises(ConfigError, match=r"by `tools.sales` and by `tools.staff`") as caught:
        await tools.chosen(wanted)
    assert caught.value.hint == "Name the entry too: `staff.query`."
    assert await chosen(tools, "staff.query") == [("query", "1.0.0")]


def test_a_pattern_takes_only_what_is_open_to_patterns():
    tools = registry(
        entry("clock", function("clock", "1.0.0")),
        entry("shell", function("shell", "1.0.0"), open=False),
    )
    assert [each.function for each in tools.wanted("*")] == ["clock"]
    assert [each.functions for each in tools.wanted("shell")] == [("shell",)]


async def test_a_tool_is_made_once():
    made: list[str] = []

    async def make() -> Sequence[FunctionTool[..., str]]:
        made.append("made")
        return [function("slow", "1.0.0")]

    tools = registry(
        Entry(name="slow", functions=("slow",), source="project", origin="here", make=make)
    )
    assert made == []
    first = await chosen(tools, "slow")
    assert first == await chosen(tools, "slow@1")
    assert made == ["made"]


async def test_two_agents_that_need_a_tool_first_get_the_same() -> None:
    begun = 0

    async def make() -> Sequence[FunctionTool[..., str]]:
        nonlocal begun
        begun += 1
        await asyncio.sleep(0)
        return [function("search", "1.0.0")]

    it = Entry(name="search", functions=("search",), source="project", origin="here", make=make)
    first, second = await asyncio.gather(it.made(), it.made())
    assert first is second
    assert begun == 1
