"""The project's MCP servers: what agents are given of them, and how they are doing.

Called by `agents` and by doors. A project without servers imports nothing for it, and no server is
started before it is needed.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from muxi.config.mcp_settings import McpServerSettings, remote_tools
from muxi.config.project import Project
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import ToolFailed
from muxi.core.mcp_login import LoginAnswer
from muxi.core.servers import ServerInfo
from muxi.runtime.credentials import UserCredentials
from muxi.runtime.mcp_lock import McpLock
from muxi.runtime.mcp_logins import McpLogins
from muxi.runtime.mcp_reading import McpReading
from muxi.runtime.principal import Principal
from muxi.runtime.state import StateFolder
from muxi.runtime.tools import Tools
from muxi.tools.per_user import User

if TYPE_CHECKING:
    from muxi.mcp.local import Places
    from muxi.mcp.lock import Lock
    from muxi.mcp.personal import OwnServers
    from muxi.mcp.servers import Servers
    from muxi.mcp.specs import RemoteTool
    from muxi.tools.per_user import PerUser
    from muxi.tools.toolset import Toolset


@dataclass(kw_only=True)
class McpServers:
    """The MCP servers of one project."""

    project: Project
    credentials: UserCredentials
    state: StateFolder
    tools: Tools
    """The project's other tools, whose names no server may take."""
    _used: list[Servers | PerUser[OwnServers]] = field(
        default_factory=list["Servers | PerUser[OwnServers]"], init=False
    )
    """To be closed; also connections by settings that hold no more, which runs may still use."""

    @cached_property
    def places(self) -> Places:
        """Where they are."""
        from muxi.mcp.local import Places

        return Places(
            folder=self.project.folder,
            state=self.state.root,
            resolve=self.credentials.secrets.resolve,
            auth=self.logins.auth,
        )

    @cached_property
    def logins(self) -> McpLogins:
        """How muxi and its users sign in to them."""
        return McpLogins(project=self.project, credentials=self.credentials)

    @cached_property
    def trust(self) -> McpLock:
        """What people have approved of them."""
        return McpLock(lambda: self.lock, self._ready, self._readmit, self._enabled)

    @cached_property
    def beside(self) -> McpReading:
        """What they have beside tools."""
        return McpReading(self._ready)

    @cached_property
    def lock(self) -> Lock:
        """What of them is trusted. Raises `LockInvalid`."""
        from muxi.mcp.lock import LOCK_FILE, Lock

        return Lock.load(Path(self.project.folder) / LOCK_FILE, self.project.mcp.lock)

    @cached_property
    def servers(self) -> Servers:
        """Connections to those that all users share."""
        from muxi.mcp.servers import Servers

        made = Servers(
            settings=self._declared(personal=False),
            target=self.places.target,
            trust=lambda: self.lock,
            extensions=_extensions,
            logs=self.places.homes,
        )
        self._used.append(made)
        return made

    @cached_property
    def users(self) -> PerUser[OwnServers]:
        """Connections to those that each user is known to by oneself."""
        from muxi.runtime.mcp_users import McpUsers

        made = McpUsers(
            settings=self._declared(personal=True),
            places=self.places,
            credentials=self.credentials,
            logins=self.logins,
            trust=lambda: self.lock,
            extensions=_extensions,
        ).pool()
        self._used.append(made)
        return made

    def toolsets(self, definition: AgentDefinition) -> Sequence[Toolset]:
        """What an agent may use of them."""
        known = self.project.mcp.servers
        named = (remote_tools(name, known) for name in definition.tools)
        wanted = [each for each in named if each is not None]
        if not wanted or not known:
            return ()
        local = frozenset(self.tools.names(definition.tools))
        shared = self.servers.toolset(wanted, refuse=local.__contains__)
        if not self._declared(personal=True):
            return (shared,)
        from muxi.mcp.personal import PersonalToolset

        own = PersonalToolset(
            self.users, wanted, refuse=lambda name: name in local or shared.shows(name)
        )
        return (shared, own)

    def warm(self) -> None:
        """Connect to all servers in the background."""
        if self.project.mcp.servers:
            self.servers.warm()

    def infos(self, who: Principal) -> list[ServerInfo]:
        """How all servers are doing, as far as `who` is connected to them."""
        return [self.info(name, who) for name in self.project.mcp.servers]

    def info(self, name: str, who: Principal) -> ServerInfo:
        """How one server is doing. Raises `NotFound`."""
        with self._home(name, who) as servers:
            return self._told(servers.info(name))

    def offered(self, name: str, who: Principal) -> Sequence[RemoteTool]:
        """The tools of a server, as far as they are known. Raises `NotFound`."""
        with self._home(name, who) as servers:
            return servers.tools(name)

    def log(self, name: str, who: Principal, lines: int) -> list[str]:
        """The last words of a server. Raises `NotFound`."""
        with self._home(name, who) as servers:
            return servers.log(name, lines)

    async def restart(self, name: str, who: Principal) -> ServerInfo:
        """End a server and begin anew; one that does not start tells why by its state.

        Raises:
            NotFound: There is no such server.
            CredentialMissing: It is connected to for each user, and `who` has no credentials.
        """
        async with self._ready(name, who) as servers:
            with suppress(ToolFailed):
                await servers.restart(name)
            return self._told(servers.info(name))

    async def finish_login(
        self, name: str, answer: LoginAnswer, who: Principal, *, own: bool = False
    ) -> ServerInfo:
        """Keep a login that a person has granted, and connect with it.

        Args:
            name: Of the server.
            answer: What the browser came back with.
            who: The person.
            own: Whether it is for them alone, and not for the project.

        Raises:
            NotFound: No login to this server was begun.
            Conflict: It was finished or given up already.
            LoginNeeded: The person or the authorization server said no.
            ServerUnavailable: A server cannot be reached.
        """
        await self.logins.finish(name, answer, who=who if own else None)
        return await self.restart(name, who)

    async def log_out(self, name: str, who: Principal, *, own: bool = False) -> bool:
        """Forget a login to a server, and what was connected with it; whether there was one.

        Raises:
            NotFound: There is no such server.
            InvalidInput: It is none to sign in to.
        """
        found = await self.logins.log_out(name, who=who if own else None)
        if own:
            await self.users.drop(user_of(who))
        elif found:
            await self.restart(name, who)
        return found

    def renew(self) -> None:
        """Connect anew to what is declared now; runs keep the connections that they have."""
        for name in ("servers", "users", "lock"):
            self.__dict__.pop(name, None)

    async def close(self) -> None:
        """End all servers."""
        for each in self._used:
            await each.close()

    @contextmanager
    def _home(self, name: str, who: Principal) -> Generator[Servers]:
        """The servers among which that one is, of `who` if it is one of theirs."""
        settings = self.project.mcp.servers.get(name)
        if settings is None or not settings.personal:
            yield self.servers
            return
        with self.users.using(user_of(who)) as own:
            yield own.servers

    @asynccontextmanager
    async def _ready(self, name: str, who: Principal) -> AsyncGenerator[Servers]:
        """As `_home`, once it is sure that `who` may use it. Raises `CredentialMissing`."""
        settings = self.project.mcp.servers.get(name)
        if settings is None or not settings.personal:
            yield self.servers
            return
        with self.users.using(user_of(who)) as own:
            await own.ready(name)
            yield own.servers

    def _readmit(self, name: str, held_back: int) -> None:
        """Something of a server was approved."""
        if name in self._declared(personal=True):
            for own in self.users.values():
                own.servers.readmit(name, held_back)
        else:
            self.servers.readmit(name, held_back)

    def _declared(self, *, personal: bool) -> dict[str, McpServerSettings]:
        servers = self.project.mcp.servers.items()
        return {name: each for name, each in servers if each.personal == personal}

    @property
    def _enabled(self) -> list[str]:
        return [name for name, server in self.project.mcp.servers.items() if server.enabled]

    def _told(self, info: ServerInfo) -> ServerInfo:
        settings = self.project.mcp.servers[info.name]
        info.personal = settings.personal
        own = self.places.environment(info.name, settings)
        if own is not None and not own.installed and info.state != "off":
            info.state = "not_installed"
            info.detail = f"Run `muxi mcp install {info.name}`."
        return info


def user_of(who: Principal) -> User:
    """Whose connections somebody uses."""
    return User(who.tenant, who.principal or "")


def _extensions(_: str) -> Sequence[Any]:
    """The extensions of the protocol that are spoken with every server."""
    from muxi.mcp.tasks import TasksExtension

    return (TasksExtension(),)
