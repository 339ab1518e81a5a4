"""The small toolsets that are made of others."""

from __future__ import annotations

from typing import Any

import pytest

from muxi.core.context import RunContext
from muxi.core.errors import ConfigError, ToolNotFound
from muxi.core.messages import TextPart
from muxi.tools.approve import ApprovedToolset
from muxi.tools.combine import CombinedToolset
from muxi.tools.filter import FilteredToolset
from muxi.tools.function_toolset import FunctionToolset
from muxi.tools.prefix import PrefixedToolset
from muxi.tools.rename import RenamedToolset
from muxi.tools.toolset import Toolset

CTX: RunContext[Any] = RunContext(deps=None)


async def read(path: str) -> str:
    return f"read {path}"


async def write(path: str) -> str:
    return f"wrote {path}"


def files() -> FunctionToolset:
    return FunctionToolset([read, write])


async def names(tools: Toolset, ctx: RunContext[Any] = CTX) -> list[str]:
    return [spec.name for spec in await tools.specs(ctx)]


async def call(tools: Toolset, name: str) -> str:
    (part,) = await tools.call(name, {"path": "x"}, CTX)
    assert isinstance(part, TextPart)
    return part.text


async def test_a_prefix_is_put_before_every_name():
    tools = PrefixedToolset(files(), "disk_")
    assert await names(tools) == ["disk_read", "disk_write"]
    assert await call(tools, "disk_write") == "wrote x"
    with pytest.raises(ToolNotFound):
        await call(tools, "write")


async def test_renamed_tools_lose_their_old_name():
    tools = RenamedToolset(files(), {"read": "open"})
    assert await names(tools) == ["open", "write"]
    assert await call(tools, "open") == "read x"
    with pytest.raises(ToolNotFound):
        await call(tools, "read")


async def test_names_can_be_swapped():
    tools = RenamedToolset(files(), {"read": "write", "write": "read"})
    assert await call(tools, "write") == "read x"
    assert await call(tools, "read") == "wrote x"


async def test_renaming_onto_a_name_that_exists_is_a_mistake():
    with pytest.raises(ConfigError, match="`write`"):
        await RenamedToolset(files(), {"read": "write"}).specs(CTX)
    with pytest.raises(ConfigError, match="`x`"):
        RenamedToolset(files(), {"read": "x", "write": "x"})


async def test_a_filter_decides_for_each_run():
    tools = FilteredToolset(files(), lambda ctx, spec: spec.name == "read" or ctx.user == "root")
    root: RunContext[Any] = RunContext(deps=None, user="root")
    assert await names(tools) == ["read"]
    assert await names(tools, root) == ["read", "write"]
    with pytest.raises(ToolNotFound):
        await call(tools, "write")
    assert await call(tools, "read") == "read x"


async def test_calls_that_match_need_approval():
    specs = await ApprovedToolset(files(), ["wr*"]).specs(CTX)
    assert [spec.approval for spec in specs] == [False, True]
    assert all(spec.approval for spec in await ApprovedToolset(files()).specs(CTX))


async def test_a_combination_has_all_tools():
    tools = CombinedToolset(files(), PrefixedToolset(files(), "b_"))
    assert await names(tools) == ["read", "write", "b_read", "b_write"]
    assert await call(tools, "b_read") == "read x"
    with pytest.raises(ToolNotFound):
        await call(tools, "nothing")


async def test_a_combination_with_one_name_twice_is_a_mistake():
    with pytest.raises(ConfigError, match="`read`"):
        await CombinedToolset(files(), files()).specs(CTX)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tools: PrefixedToolset(tools, "a_"),
        lambda tools: RenamedToolset(tools, {"read": "open"}),
        ApprovedToolset,
        CombinedToolset,
    ],
    ids=["prefix", "rename", "approve", "combine"],
)
async def test_specs_that_did_not_change_are_the_same_object(wrap: Any):
    tools = wrap(files())
    assert await tools.specs(CTX) is await tools.specs(CTX)


async def test_closing_a_combination_closes_every_set():
    closed: list[int] = []

    class Closing(FunctionToolset):
        def __init__(self, number: int) -> None:
            super().__init__([])
            self.number = number

        async def close(self) -> None:
            closed.append(self.number)
            if self.number == 1:
                raise OSError("stuck")

    with pytest.raises(OSError, match="stuck"):
        await CombinedToolset(Closing(1), PrefixedToolset(Closing(2), "x")).close()
    assert closed == [1, 2]
