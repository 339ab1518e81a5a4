"""Servers that each user has connections of their own to: one user's, and the tools of all.

Made by `runtime`. A session belongs to the user whose credentials began it: it is found by tenant
and user, never lent, and begun anew when the credentials change.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from muxi.core.errors import CredentialMissing
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.mcp.connection import Connection
from muxi.mcp.servers import Servers
from muxi.mcp.specs import RemoteTool
from muxi.mcp.toolset import RemoteToolset, Wanted
from muxi.tools.per_user import PerUser, User


@dataclass(kw_only=True, eq=False)
class OwnServers:
    """The servers of one user."""

    servers: Servers
    standing: Callable[[str], Awaitable[str]]
    """Another text for a server whenever the user's credentials for it have changed. Raises
    `CredentialMissing`."""
    private: Path
    """What their local servers keep; it goes with the connections."""
    toolsets: dict[int, RemoteToolset] = field(default_factory=dict[int, RemoteToolset])
    """What each `PersonalToolset` shows of them, by its number."""
    _used: dict[str, str] = field(default_factory=dict[str, str])
    """With which credentials each connection was begun."""

    @property
    def generation(self) -> int:
        """See `toolset.Home`."""
        return self.servers.generation

    @property
    def names(self) -> Sequence[str]:
        """See `toolset.Home`."""
        return self.servers.names

    def tools(self, server: str) -> Sequence[RemoteTool]:
        """See `toolset.Home`."""
        return self.servers.tools(server)

    async def met(self, pattern: str) -> None:
        """See `toolset.Home`. What the user has no credentials for is not tried."""
        for name in self.names:
            if not fnmatchcase(name, pattern) or self.servers.knows(name):
                continue
            try:
                await self.ready(name)
            except CredentialMissing:
                continue
            await self.servers.met(name)

    async def ready(self, server: str) -> Connection:
        """See `toolset.Home`. Raises `CredentialMissing`."""
        now = await self.standing(server)
        before = self._used.get(server, now)
        self._used[server] = now
        connection = self.servers.connection(server)
        if before != now:
            await connection.restart()
        return connection


_numbers = iter(range(1, 1 << 62))


@dataclass(eq=False)
class PersonalToolset:
    """What one agent may use of such servers, for whichever user it works."""

    users: PerUser[OwnServers]
    wanted: Sequence[Wanted]
    refuse: Callable[[str], bool]
    """Whether a name belongs to another tool, which must not be shadowed."""
    _number: int = field(default_factory=_numbers.__next__, init=False)
    _last: tuple[ToolSpec, ...] = field(default=(), init=False)

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """See `Toolset`. Users who are offered the same are given the same tuple."""
        with self.users.using(User.of(ctx)) as own:
            found = tuple(await self._toolset(own).specs(ctx))
        if found != self._last:
            self._last = found
        return self._last

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        """See `Toolset`. Raises `CredentialMissing`."""
        with self.users.using(User.of(ctx)) as own:
            toolset = self._toolset(own)
            # The user's connections may have been closed since the model was shown the tool.
            await toolset.specs(ctx)
            return await toolset.call(name, arguments, ctx)

    async def close(self) -> None:
        """See `Toolset`. The connections are closed by their owner."""

    def _toolset(self, own: OwnServers) -> RemoteToolset:
        known = own.toolsets.get(self._number)
        if known is None:
            known = own.toolsets[self._number] = RemoteToolset(own, self.wanted, self.refuse)
        return known
