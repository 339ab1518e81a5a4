"""What the project's MCP servers have beside tools: resources, prompts, completions.

Called by doors, for whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from muxi.core.messages import Message, ToolContent
from muxi.core.servers import RemotePrompt, RemoteResource
from muxi.runtime.principal import Principal

if TYPE_CHECKING:
    from muxi.mcp.servers import Servers


@dataclass(frozen=True, slots=True)
class McpReading:
    """Reads from servers."""

    ready: Callable[[str, Principal], AbstractAsyncContextManager[Servers]]
    """The servers of somebody among which one is. Raises `CredentialMissing`."""

    async def resources(self, name: str, who: Principal) -> list[RemoteResource]:
        """All resources of a server. Raises `NotFound`, `CredentialMissing` and `ToolFailed`."""
        from muxi.mcp import reading

        async with self.ready(name, who) as servers:
            return await reading.resources(servers.connection(name))

    async def read(self, name: str, who: Principal, uri: str) -> list[ToolContent]:
        """What a resource holds. Raises as `resources`."""
        from muxi.mcp import reading

        async with self.ready(name, who) as servers:
            return await reading.read(servers.connection(name), uri)

    async def prompts(self, name: str, who: Principal) -> list[RemotePrompt]:
        """The prompts of a server that are trusted. Raises as `resources`."""
        from muxi.mcp import reading

        async with self.ready(name, who) as servers:
            return reading.prompts(await servers.surface(name))

    async def prompt(
        self, name: str, who: Principal, prompt: str, arguments: dict[str, str]
    ) -> list[Message]:
        """A prompt as messages. Raises as `resources`, and `InvalidInput`."""
        from muxi.mcp import reading

        async with self.ready(name, who) as servers:
            surface = await servers.surface(name)
            return await reading.prompt(servers.connection(name), surface, prompt, arguments)

    async def complete(
        self,
        name: str,
        who: Principal,
        *,
        prompt: str | None,
        uri: str | None,
        argument: tuple[str, str],
    ) -> list[str]:
        """What could stand for an argument. Raises as `resources`, and `InvalidInput`."""
        from muxi.mcp import reading

        async with self.ready(name, who) as servers:
            connection = servers.connection(name)
            return await reading.complete(connection, prompt=prompt, uri=uri, argument=argument)
