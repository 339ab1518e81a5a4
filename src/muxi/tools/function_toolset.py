"""A toolset of Python functions: the ordinary way to give tools to an agent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from muxi.core.errors import ConfigError, ToolNotFound
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.tools.function import FunctionTool, as_tool


class FunctionToolset:
    """Functions and `@tool`s as one set. Making one costs nothing; schemas are read when used."""

    def __init__(self, tools: Iterable[Callable[..., Any]]) -> None:
        self._functions = tuple(tools)
        self._tools: dict[str, FunctionTool[..., Any]] | None = None
        self._specs: tuple[ToolSpec, ...] | None = None

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """The same tuple each time, so that callers may cache by identity."""
        if self._specs is None:
            self._specs = tuple(made.spec for made in self._by_name().values())
        return self._specs

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        found = self._by_name().get(name)
        if found is None:
            raise ToolNotFound(f"There is no tool `{name}`.", tool=name)
        return await found.run(arguments, ctx)

    async def close(self) -> None:
        """Functions hold nothing open."""

    def _by_name(self) -> dict[str, FunctionTool[..., Any]]:
        if self._tools is None:
            tools: dict[str, FunctionTool[..., Any]] = {}
            for function in self._functions:
                made = as_tool(function)
                if tools.setdefault(made.name, made) is not made:
                    raise ConfigError(
                        f"Two tools are called `{made.name}`.",
                        hint="Give one of them another name: `@tool(name=...)`.",
                    )
            self._tools = tools
        return self._tools
