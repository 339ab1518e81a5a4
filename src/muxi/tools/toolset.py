"""The protocol of a toolset: everything that a model may call. Called by `agents.tool_calls`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec


class Toolset(Protocol):
    """Tools that belong together: functions, an MCP server, memory, agents as tools."""

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """The tools that this run may use. Names are unique within the set."""
        ...

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        """Validate the arguments, run the tool once, and give its result as parts.

        Timeouts, retries, approvals and the journal are the caller's.

        Raises:
            ToolNotFound: There is no tool of this name.
            ToolArgumentsInvalid: The arguments do not fit; the message tells the model why.
            ToolError: The tool did not succeed.
        """
        ...

    async def close(self) -> None:
        """Release what the set holds open."""
        ...
