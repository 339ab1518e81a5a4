"""A tool that works with its user's own credentials: made for each user, shown alike to all models.

Made by `runtime` for tools whose settings refer to credentials of users.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.tools.function import FunctionTool

Run = Callable[[str, dict[str, Any], Context], Awaitable[list[ToolContent]]]
"""Runs the tool of that name as it is for the user of a run. Raises `CredentialMissing` too."""


class PersonalTool(FunctionTool[..., Any]):
    """The tool of whoever a run is for.

    Args:
        specimen: The tool made without credentials: what models are told of it.
        run: Runs the user's own.
    """

    def __init__(self, specimen: FunctionTool[..., Any], run: Run) -> None:
        super().__init__(
            specimen._function,  # noqa: SLF001 -- of a tool, as this one is
            specimen._options,  # noqa: SLF001 -- of a tool, as this one is
            names=specimen._names,  # noqa: SLF001 -- of a tool, as this one is
        )
        self._run = run

    async def run(self, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        """See `FunctionTool`."""
        return await self._run(self.name, arguments, ctx)
