"""Tools of servers as a toolset: what an agent is given of them. Made by `servers`.

It knows its tools from the lock, without any server, and connects at the first call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Protocol

from muxi.core.errors import CredentialMissing, ToolFailed, ToolNotFound
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolSpec
from muxi.mcp.connection import Connection
from muxi.mcp.specs import RemoteTool

Wanted = tuple[str, str]
"""A pattern of servers, and one of their tools, by the names of their servers or of models."""


class Home(Protocol):
    """Where the tools come from."""

    @property
    def generation(self) -> int:
        """Another number whenever what is offered has changed."""
        ...

    async def met(self, pattern: str) -> None:
        """Return once it is known what these servers offer, as far as they can be reached."""
        ...

    def tools(self, server: str) -> Sequence[RemoteTool]: ...

    async def ready(self, server: str) -> Connection:
        """The connection to a server, once it is sure that it may be used."""
        ...

    @property
    def names(self) -> Sequence[str]: ...


@dataclass(slots=True)
class RemoteToolset:
    """What one agent may use of the project's servers."""

    home: Home
    wanted: Sequence[Wanted]
    refuse: Callable[[str], bool] = field(default=lambda _: False)
    """Whether a name belongs to another tool, which must not be shadowed."""
    _known: dict[str, RemoteTool] = field(default_factory=dict[str, RemoteTool])
    _specs: tuple[ToolSpec, ...] = ()
    _generation: int = -1

    async def specs(self, ctx: Context) -> Sequence[ToolSpec]:
        """See `Toolset`."""
        for pattern, _ in self.wanted:
            await self.home.met(pattern)
        return self._current()

    async def call(self, name: str, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        """See `Toolset`."""
        self._current()
        tool = self._known.get(name)
        if tool is None:
            raise ToolNotFound(
                f"The tool {name} is not offered any more.",
                hint="Its server has changed; `muxi mcp lock` shows what is held back.",
            )
        connection = await self.home.ready(tool.server)
        try:
            # Whoever has a session has imported the SDK, which must not happen on the event loop.
            await connection.session()
            from muxi.mcp.calling import RemoteCall

            call = RemoteCall(connection=connection, tool=tool, arguments=arguments, ctx=ctx)
            return await call.make()
        except ToolFailed:
            refusal = connection.target.refusal
            if isinstance(refusal, CredentialMissing):
                raise refusal from None
            raise

    def shows(self, name: str) -> bool:
        """Whether a tool of that name is among them, as far as they are known."""
        self._current()
        return name in self._known

    async def close(self) -> None:
        """See `Toolset`. The servers are shared, so that they are closed by their owner."""

    def _current(self) -> tuple[ToolSpec, ...]:
        if self._generation != self.home.generation:
            self._generation = self.home.generation
            self._known = {tool.spec.name: tool for tool in self._chosen()}
            specs = tuple(tool.spec for tool in self._known.values())
            # A server that offers what the lock says changes nothing, and nothing is indexed anew.
            if specs != self._specs:
                self._specs = specs
        return self._specs

    def _chosen(self) -> list[RemoteTool]:
        found: dict[str, RemoteTool] = {}
        for server in self.home.names:
            patterns = [tool for name, tool in self.wanted if fnmatchcase(server, name)]
            for tool in self.home.tools(server) if patterns else ():
                shown = tool.spec.name
                if shown in found or self.refuse(shown):
                    # Whoever came first keeps the name: a server must not stand in for another.
                    continue
                bare = shown.removeprefix(f"{server}__")
                if any(fnmatchcase(n, p) for p in patterns for n in (tool.name, bare)):
                    found[shown] = tool
        return list(found.values())
