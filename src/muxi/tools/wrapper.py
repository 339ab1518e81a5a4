"""The base of the small toolsets that change another one. Each overrides what it changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset


class ToolsetWrapper:
    """Passes everything on to `inner`."""

    def __init__(self, inner: Toolset) -> None:
        self.inner = inner
        self._given: Sequence[ToolSpec] | None = None
        self._changed: tuple[ToolSpec, ...] = ()

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """The inner tools, each as `change` makes it; the same tuple while those are the same."""
        given = await self.inner.specs(ctx)
        if given is not self._given:
            self._changed = tuple(self.change(spec) for spec in given)
            self._given = given
        return self._changed

    def change(self, spec: ToolSpec) -> ToolSpec:
        """A tool as this set shows it."""
        return spec

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        return await self.inner.call(name, arguments, ctx)

    async def close(self) -> None:
        await self.inner.close()
