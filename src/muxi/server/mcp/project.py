"""What muxi offers of a project: agents, tools, memory, documents, threads. Made by `endpoint`.

The settings `server.mcp` say which of them; every request sees what its user may see.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any, Final

import mcp_types as types
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    PromptsListChanged,
    ToolsListChanged,
)

from muxi.core.actions import ACTIONS
from muxi.core.version import __version__
from muxi.runtime.build import Runtime
from muxi.server.mcp.agents import ASK, RESULT, AgentTools
from muxi.server.mcp.call import Call
from muxi.server.mcp.direct import DirectTools
from muxi.server.mcp.host import Host, who_asks
from muxi.server.mcp.knowledge import KnowledgeTools
from muxi.server.mcp.memory import MemoryTools
from muxi.server.mcp.offering import Run
from muxi.server.mcp.prompts import Prompts
from muxi.server.mcp.resources import Resources
from muxi.server.mcp.surface import ResourceContents, ServedPrompt, ServedTool, Surface
from muxi.server.mcp.tasks import Tasks, TaskSupport

_log = logging.getLogger("muxi.mcp")

_ICON: Final = (
    b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><g fill="#d8922c">'
    b'<ellipse cx="16" cy="8.6" rx="5.2" ry="6.4"/><ellipse cx="16" cy="23.4" rx="5.2" ry="6.4"/>'
    b'<ellipse cx="8.6" cy="16" rx="6.4" ry="5.2"/><ellipse cx="23.4" cy="16" rx="6.4" ry="5.2"/>'
    b'</g><circle cx="16" cy="16" r="3.4" fill="#2f6b57"/></svg>'
)
"""That of the dashboard, so that people know where they are."""

_INSTRUCTIONS: Final = (
    "Agents of this project answer to the tools `ask_...`; name the thread_id of an answer to go "
    "on with a conversation. An agent may need a person's decision: then its result says so, and "
    "`run_result` gives the answer afterwards."
)


class ProjectSurface(Surface):
    """A project, as its settings let clients see it."""

    instructions = _INSTRUCTIONS
    logs = True

    def __init__(self, runtime: Runtime) -> None:
        offers = runtime.project.server.mcp
        self._guard, self._audit = runtime.guard, runtime.audit
        self._agents = AgentTools(runtime)
        self._direct = DirectTools(runtime)
        self._resources = Resources(runtime)
        self._prompts = Prompts(runtime, self._agents)
        self._always = [
            *(MemoryTools(runtime).tools() if offers.memory else ()),
            *(KnowledgeTools(runtime).tools() if offers.knowledge else ()),
        ]
        self._hidden: set[str] = set()
        self._lists = self.changed = InMemorySubscriptionBus()
        self._telling: set[asyncio.Task[None]] = set()
        runtime.agents.changed.append(self._agents_changed)

    async def tools(self, call: Call) -> Sequence[ServedTool]:
        offered = {each.shown.name: each for each in await self._agents.tools(call)}
        for tool in (*self._always, *await self._direct.tools(call)):
            name = tool.shown.name
            if offered.setdefault(name, tool) is not tool and name not in self._hidden:
                self._hidden.add(name)
                _log.warning("MCP clients are not offered the tool %s: the name is taken.", name)
        offered = {name: each for name, each in offered.items() if await self._may(each, call)}
        return [replace(each, run=self._entered(each)) for each in offered.values()]

    async def prompts(self, call: Call) -> Sequence[ServedPrompt]:
        return await self._prompts.prompts(call)

    async def resources(
        self, cursor: str | None, call: Call
    ) -> tuple[Sequence[types.Resource], str | None]:
        return await self._resources.page(cursor, call)

    async def templates(self, call: Call) -> Sequence[types.ResourceTemplate]:
        return self._resources.templates

    async def read(self, uri: str, call: Call) -> Sequence[ResourceContents]:
        return await self._resources.read(uri, call)

    async def complete(self, params: types.CompleteRequestParams, call: Call) -> types.Completion:
        return await self._prompts.complete(params, call)

    async def watch(self, uri: str, call: Call) -> AsyncGenerator[None]:
        return await self._resources.watch(uri, call)

    def _entered(self, tool: ServedTool) -> Run:
        """What a tool does, entered in the audit log unless it only looks at something."""

        async def run(arguments: dict[str, Any], call: Call) -> types.CallToolResult:
            for action, resource in tool.needs(call):
                if ACTIONS[action].changes or action == "tools.use":
                    name = tool.shown.name
                    async with self._audit.during(call.caller, action, resource, tool=name):
                        return await tool.run(arguments, call)
            return await tool.run(arguments, call)

        return run

    async def _may(self, tool: ServedTool, call: Call) -> bool:
        """Whether a tool is offered to this client at all: nobody is shown what they may not."""
        for action, resource in tool.needs(call):
            if not await self._guard.allows(call.caller, action, resource):
                return False
        return True

    def _agents_changed(self) -> None:
        for event in (ToolsListChanged(), PromptsListChanged()):
            task = asyncio.create_task(self._lists.publish(event))
            self._telling.add(task)
            task.add_done_callback(self._telling.discard)


def introduction(runtime: Runtime) -> types.Implementation:
    """How the server of a project introduces itself."""
    name = runtime.project.name or runtime.project.folder.resolve().name
    image = base64.b64encode(_ICON).decode()
    icon = types.Icon(
        src=f"data:image/svg+xml;base64,{image}", mime_type="image/svg+xml", sizes=["any"]
    )
    return types.Implementation(
        name="muxi",
        title=f"{name} (muxi)" if name else "muxi",
        version=__version__,
        description="AI agents, their tools and their memory.",
        icons=[icon],
    )


def project_host(runtime: Runtime) -> Host:
    """The server of a project's surface, not yet started."""
    return Host(
        ProjectSurface(runtime),
        introduction(runtime),
        key=state_key(runtime),
        extensions=[Tasks(_support, who_asks)],
    )


def _support(tool: str) -> TaskSupport | None:
    """Runs take their time: a client that knows tasks need not wait for them."""
    return TaskSupport() if tool.startswith(ASK) or tool == RESULT else None


def state_key(runtime: Runtime) -> bytes:
    """What seals the state that clients carry: the same after a restart of the same project."""
    return hashlib.sha256(b"muxi mcp state\0" + runtime.state.token().encode()).digest()
