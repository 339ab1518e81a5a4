"""A toolset whose names begin with a prefix, so that they clash with no others."""

from __future__ import annotations

from typing import Any

from muxi.core.errors import ToolNotFound
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset
from muxi.tools.wrapper import ToolsetWrapper


class PrefixedToolset(ToolsetWrapper):
    """The tools of `inner` as `<prefix><name>`; write the separator into the prefix: `files_`."""

    def __init__(self, inner: Toolset, prefix: str) -> None:
        super().__init__(inner)
        self._prefix = prefix

    def change(self, spec: ToolSpec) -> ToolSpec:
        return spec.model_copy(update={"name": f"{self._prefix}{spec.name}"})

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        if not name.startswith(self._prefix):
            raise ToolNotFound(f"There is no tool `{name}`.", tool=name)
        return await self.inner.call(name.removeprefix(self._prefix), arguments, ctx)
