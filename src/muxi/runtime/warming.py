"""What a server makes ready as soon as it answers, so that no start and no turn waits for it.

Begun by `muxi up`: MCP servers are connected to, and the search among many tools is prepared. A
project with few tools has nothing of it, neither made nor imported.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

from muxi.core.context import RunContext
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import MuxiError
from muxi.runtime.agents import Agents
from muxi.runtime.mcp import McpServers
from muxi.runtime.principal import LOCAL

_MANY = 20
"""Tools of an agent from which on they may be too many to be shown."""


@dataclass(kw_only=True)
class Warming:
    """Work in the background, once in the life of a process."""

    agents: Agents
    mcp: McpServers
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    def begin(self) -> None:
        """Connect to servers, and prepare the searches of the project's agents."""
        self.mcp.warm()
        if self._task is None:
            self._task = asyncio.create_task(self._prepare(), name="warming")

    async def wait(self) -> None:
        """Return when all searches are ready."""
        if self._task is not None:
            await self._task

    async def close(self) -> None:
        """Stop what is not done."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _prepare(self) -> None:
        for definition in list(self.agents.project.agents.values()):
            if self._has_many(definition):
                # What is wrong with an agent is told to whoever runs it.
                with suppress(MuxiError):
                    await self._prepare_search(definition)

    def _has_many(self, definition: AgentDefinition) -> bool:
        if len(self.agents.tools.names(definition.tools)) >= _MANY:
            return True
        return any(give(definition) for give in self.agents.named)

    async def _prepare_search(self, definition: AgentDefinition) -> None:
        from muxi.retrieval.tool_search import SearchedToolset

        agent = await self.agents.live(await self.agents.current(LOCAL, definition.name))
        for toolset in agent.spec.toolsets:
            if isinstance(toolset, SearchedToolset):
                await toolset.prepare(RunContext(deps=None))
