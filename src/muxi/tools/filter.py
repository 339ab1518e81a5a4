"""A toolset that offers only some tools of another, decided anew for each run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from muxi.core.errors import ToolNotFound
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset
from muxi.tools.wrapper import ToolsetWrapper


class FilteredToolset(ToolsetWrapper):
    """The tools of `inner` that `keep(ctx, spec)` is true for; the others cannot be called."""

    def __init__(self, inner: Toolset, keep: Callable[[Context, ToolSpec], bool]) -> None:
        super().__init__(inner)
        self._keep = keep

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        return tuple(spec for spec in await self.inner.specs(ctx) if self._keep(ctx, spec))

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        if not any(spec.name == name for spec in await self.specs(ctx)):
            raise ToolNotFound(f"There is no tool `{name}`.", tool=name)
        return await self.inner.call(name, arguments, ctx)
