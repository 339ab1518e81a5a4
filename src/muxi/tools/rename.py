"""A toolset in which some tools have other names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from muxi.core.errors import ConfigError, ToolNotFound
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset
from muxi.tools.wrapper import ToolsetWrapper


class RenamedToolset(ToolsetWrapper):
    """The tools of `inner`, those of `names` (their name to the new one) renamed.

    Raises:
        ConfigError: Two tools would have the same name; by `specs`, if one is of `inner`.
    """

    def __init__(self, inner: Toolset, names: Mapping[str, str]) -> None:
        super().__init__(inner)
        self._names = dict(names)
        self._originals = {new: old for old, new in names.items()}
        if len(self._originals) < len(self._names):
            raise _clash(next(n for n in self._originals if list(names.values()).count(n) > 1))

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        specs = await super().specs(ctx)
        seen: set[str] = set()
        for spec in specs:
            if spec.name in seen:
                raise _clash(spec.name)
            seen.add(spec.name)
        return specs

    def change(self, spec: ToolSpec) -> ToolSpec:
        new = self._names.get(spec.name)
        return spec if new is None else spec.model_copy(update={"name": new})

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        original = self._originals.get(name, name)
        if original == name and name in self._names:
            raise ToolNotFound(f"There is no tool `{name}`.", tool=name)
        return await self.inner.call(original, arguments, ctx)


def _clash(name: str) -> ConfigError:
    return ConfigError(f"Two tools are called `{name}`.", hint="Rename one of them otherwise.")
