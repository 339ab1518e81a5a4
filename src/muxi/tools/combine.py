"""Several toolsets as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muxi.core.errors import ConfigError, ToolNotFound
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.tools.toolset import Toolset


class CombinedToolset:
    """The tools of all `sets`, in their order.

    Raises:
        ConfigError: By `specs` and `call`: two sets have a tool of the same name.
    """

    def __init__(self, *sets: Toolset) -> None:
        self._sets = sets
        self._given: list[Sequence[ToolSpec]] = []
        self._specs: tuple[ToolSpec, ...] = ()
        self._homes: dict[str, Toolset] = {}

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """All tools; the same tuple while every set gives the same."""
        given, specs, homes = await self._read(ctx)
        self._given, self._specs, self._homes = given, specs, homes
        return specs

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        _, _, homes = await self._read(ctx)
        home = homes.get(name)
        if home is None:
            raise ToolNotFound(f"There is no tool `{name}`.", tool=name)
        return await home.call(name, arguments, ctx)

    async def close(self) -> None:
        """Close every set, also if one of them fails to."""
        failures: list[Exception] = []
        for each in self._sets:
            try:
                await each.close()
            except Exception as error:  # noqa: BLE001 -- the others must be closed too; raised below
                failures.append(error)
        if failures:
            raise failures[0]

    async def _read(
        self, ctx: Context
    ) -> tuple[list[Sequence[ToolSpec]], tuple[ToolSpec, ...], dict[str, Toolset]]:
        given = [await each.specs(ctx) for each in self._sets]
        if len(given) == len(self._given) and all(
            new is old for new, old in zip(given, self._given, strict=True)
        ):
            return self._given, self._specs, self._homes
        homes: dict[str, Toolset] = {}
        for each, specs in zip(self._sets, given, strict=True):
            for spec in specs:
                if spec.name in homes:
                    raise ConfigError(
                        f"Two toolsets have a tool called `{spec.name}`.",
                        hint="Give one of them a prefix: `PrefixedToolset(tools, 'x_')`.",
                    )
                homes[spec.name] = each
        return given, tuple(spec for specs in given for spec in specs), homes
