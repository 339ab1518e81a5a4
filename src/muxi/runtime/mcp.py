"""The project's MCP servers: what agents are given of them, and how they are doing.

Called by `agents` and by doors. A project without servers imports nothing for it, and no server is
started before it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muxi.config.mcp_settings import remote_tools
from muxi.config.project import Project
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import ToolFailed
from muxi.core.mcp_login import LoginAnswer
from muxi.core.messages import Message, ToolContent
from muxi.core.servers import RemotePrompt, RemoteResource, ServerInfo
from muxi.runtime.mcp_lock import McpLock
from muxi.runtime.mcp_logins import McpLogins
from muxi.runtime.secrets import Secrets
from muxi.runtime.state import StateFolder
from muxi.runtime.tools import Tools

if TYPE_CHECKING:
    from muxi.mcp.local import Places
    from muxi.mcp.lock import Lock
    from muxi.mcp.servers import Servers
    from muxi.tools.toolset import Toolset


@dataclass(kw_only=True)
class McpServers:
    """The MCP servers of one project."""

    project: Project
    secrets: Secrets
    state: StateFolder
    tools: Tools
    """The project's other tools, whose names no server may take."""
    _used: bool = field(default=False, init=False)
    _retired: list[Servers] = field(default_factory=list["Servers"], init=False)
    """Connections by settings that hold no more, which runs may still use."""

    @cached_property
    def places(self) -> Places:
        """Where they are."""
        from muxi.mcp.local import Places

        return Places(
            folder=self.project.folder,
            state=self.state.root,
            resolve=self.secrets.resolve,
            auth=self.logins.auth,
        )

    @cached_property
    def logins(self) -> McpLogins:
        """How muxi signs in to them."""
        return McpLogins(project=self.project, secrets=self.secrets)

    @cached_property
    def trust(self) -> McpLock:
        """What people have approved of them."""
        return McpLock(lambda: self.lock, lambda: self.servers, self._enabled)

    @cached_property
    def lock(self) -> Lock:
        """What of them is trusted. Raises `LockInvalid`."""
        from muxi.mcp.lock import LOCK_FILE, Lock

        return Lock.load(Path(self.project.folder) / LOCK_FILE, self.project.mcp.lock)

    @cached_property
    def servers(self) -> Servers:
        """Their connections."""
        from muxi.mcp.servers import Servers

        self._used = True
        return Servers(
            settings=self.project.mcp.servers,
            target=self.places.target,
            trust=lambda: self.lock,
            extensions=_extensions,
            logs=self.places.homes,
        )

    def toolsets(self, definition: AgentDefinition) -> Sequence[Toolset]:
        """What an agent may use of them."""
        known = self.project.mcp.servers
        named = (remote_tools(name, known) for name in definition.tools)
        wanted = [each for each in named if each is not None]
        if not wanted or not known:
            return ()
        local = frozenset(self.tools.names(definition.tools))
        return (self.servers.toolset(wanted, refuse=local.__contains__),)

    def warm(self) -> None:
        """Connect to all servers in the background."""
        if self.project.mcp.servers:
            self.servers.warm()

    def infos(self) -> list[ServerInfo]:
        """How all servers are doing."""
        if not self.project.mcp.servers:
            return []
        return [self._told(each) for each in self.servers.infos()]

    def info(self, name: str) -> ServerInfo:
        """How one server is doing. Raises `NotFound`."""
        return self._told(self.servers.info(name))

    def log(self, name: str, lines: int) -> list[str]:
        """The last words of a server. Raises `NotFound`."""
        return self.servers.log(name, lines)

    async def restart(self, name: str) -> ServerInfo:
        """End a server and begin anew; one that does not start tells why by its state.

        Raises:
            NotFound: There is no such server.
        """
        with suppress(ToolFailed):
            await self.servers.restart(name)
        return self.info(name)

    async def finish_login(self, name: str, answer: LoginAnswer) -> ServerInfo:
        """Keep a login that a person has granted, and connect with it.

        Raises:
            NotFound: No login to this server was begun.
            Conflict: It was finished or given up already.
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        await self.logins.finish(name, answer)
        return await self.restart(name)

    async def log_out(self, name: str) -> None:
        """Forget the login to a server, and begin anew without it.

        Raises:
            NotFound: There is no such server.
            InvalidInput: It is none to sign in to.
        """
        if await self.logins.log_out(name):
            await self.restart(name)

    async def resources(self, name: str) -> list[RemoteResource]:
        """All resources of a server. Raises `NotFound` and `ToolFailed`."""
        from muxi.mcp import reading

        return await reading.resources(self.servers.connection(name))

    async def read(self, name: str, uri: str) -> list[ToolContent]:
        """What a resource holds. Raises `NotFound` and `ToolFailed`."""
        from muxi.mcp import reading

        return await reading.read(self.servers.connection(name), uri)

    async def prompts(self, name: str) -> list[RemotePrompt]:
        """The prompts of a server that are trusted. Raises `NotFound` and `ToolFailed`."""
        from muxi.mcp import reading

        return reading.prompts(await self.servers.surface(name))

    async def prompt(self, name: str, prompt: str, arguments: dict[str, str]) -> list[Message]:
        """A prompt as messages. Raises `NotFound`, `InvalidInput` and `ToolFailed`."""
        from muxi.mcp import reading

        surface = await self.servers.surface(name)
        return await reading.prompt(self.servers.connection(name), surface, prompt, arguments)

    async def complete(
        self, name: str, *, prompt: str | None, uri: str | None, argument: tuple[str, str]
    ) -> list[str]:
        """What could stand for an argument. Raises `NotFound`, `InvalidInput`, `ToolFailed`."""
        from muxi.mcp import reading

        connection = self.servers.connection(name)
        return await reading.complete(connection, prompt=prompt, uri=uri, argument=argument)

    def renew(self) -> None:
        """Connect anew to what is declared now; runs keep the connections that they have."""
        if self._used:
            self._retired.append(self.servers)
            self._used = False
        for name in ("servers", "lock"):
            self.__dict__.pop(name, None)

    async def close(self) -> None:
        """End all servers."""
        await self.logins.close()
        for servers in (*self._retired, *([self.servers] if self._used else [])):
            await servers.close()

    @property
    def _enabled(self) -> list[str]:
        return [name for name, server in self.project.mcp.servers.items() if server.enabled]

    def _told(self, info: ServerInfo) -> ServerInfo:
        own = self.places.environment(info.name, self.project.mcp.servers[info.name])
        if own is not None and not own.installed and info.state != "off":
            info.state = "not_installed"
            info.detail = f"Run `muxi mcp install {info.name}`."
        return info


def _extensions(_: str) -> Sequence[Any]:
    """The extensions of the protocol that are spoken with every server."""
    from muxi.mcp.tasks import TasksExtension

    return (TasksExtension(),)
