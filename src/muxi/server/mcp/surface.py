"""What a server of MCP offers, in the protocol's own types. Served by `handlers`.

`project` is what muxi offers; the tests of conformance serve another one by the same handlers.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mcp_types as types
from mcp.server.subscriptions import InMemorySubscriptionBus

from muxi.core.errors import NotFound
from muxi.server.mcp.call import Call

ResourceContents = types.TextResourceContents | types.BlobResourceContents

Need = tuple[str, str | None]
"""An action, and what it is done upon."""


def nothing(_: Call) -> Sequence[Need]:
    """No leave is needed."""
    return ()


@dataclass(frozen=True, slots=True)
class ServedTool:
    """A tool and what it does. Its arguments fit its schema when it is called."""

    shown: types.Tool
    run: Callable[[dict[str, Any], Call], Awaitable[types.CallToolResult]]
    needs: Callable[[Call], Sequence[Need]] = nothing
    """What its caller must be allowed to do."""


@dataclass(frozen=True, slots=True)
class ServedPrompt:
    """A prompt and how it is made. Its required arguments are there when it is asked for."""

    shown: types.Prompt
    get: Callable[[dict[str, str], Call], Awaitable[types.GetPromptResult]]


class Surface:
    """Offers nothing. What offers something overrides; every method is asked for one user."""

    instructions: str | None = None
    """What clients tell their model about the server as a whole."""

    changed: InMemorySubscriptionBus | None = None
    """Where it tells that a list has changed; None if none ever does."""
    logs: bool = False
    """Whether it writes lines for the client's log, which only the older revisions have."""

    async def tools(self, call: Call) -> Sequence[ServedTool]:
        """All tools, always in the same order."""
        return ()

    async def prompts(self, call: Call) -> Sequence[ServedPrompt]:
        """All prompts, always in the same order."""
        return ()

    async def resources(
        self, cursor: str | None, call: Call
    ) -> tuple[Sequence[types.Resource], str | None]:
        """One page of resources, and the cursor of the next one.

        Raises:
            InvalidInput: There is no page of that cursor.
        """
        return (), None

    async def templates(self, call: Call) -> Sequence[types.ResourceTemplate]:
        return ()

    async def read(self, uri: str, call: Call) -> Sequence[ResourceContents]:
        """What a resource holds. Raises `NotFound`."""
        raise NotFound(f"There is no resource {uri[:200]}.")

    async def complete(self, params: types.CompleteRequestParams, call: Call) -> types.Completion:
        """What an argument of a prompt or of a template may go on with."""
        return types.Completion(values=[])

    async def watch(self, uri: str, call: Call) -> AsyncGenerator[None]:
        """Yields each time when a resource has changed, until it is closed. Raises `NotFound`."""
        raise NotFound(f"Nobody is told of changes of {uri[:200]}.")

    def header_schema(self, tool: str) -> Mapping[str, Any] | None:
        """The arguments of a tool some of which travel in headers of HTTP, as their schema."""
        return None
