"""All MCP servers of a project: their connections, their tools, their state.

Made by `runtime`, or by a program that uses servers without a project. It starts nothing by itself:
a server is connected to when its tools are not known yet, when one is called, or by `warm`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from muxi.config.mcp_settings import McpServerSettings
from muxi.core.errors import LockInvalid, MuxiError, NotFound, summarize
from muxi.core.servers import RemoteToolInfo, ServerInfo
from muxi.mcp.connection import Connection
from muxi.mcp.lock import Admission
from muxi.mcp.log import ServerLog
from muxi.mcp.specs import RemoteTool, remote_tools
from muxi.mcp.surface import Surface
from muxi.mcp.target import LocalTarget, Target
from muxi.mcp.toolset import RemoteToolset, Wanted

_AT_ONCE = 4
"""Servers that are started at the same time in the background."""


class Trust(Protocol):
    """What decides which tools of a server may be used: `lock.Lock`, or nothing."""

    def surface(self, server: str) -> Surface | None: ...

    def admit(
        self, server: str, surface: Surface, *, foreign: Collection[str] = ()
    ) -> Admission: ...


@dataclass(slots=True, kw_only=True)
class _Server:
    """What is known of one server."""

    settings: McpServerSettings
    connection: Connection
    surface: Surface | None = None
    """What of it may be used."""
    tools: Sequence[RemoteTool] = ()
    held_back: int = 0
    refused: dict[str, str] = field(default_factory=dict[str, str])
    loaded: bool = False
    """Whether the lock was asked what may be used of it."""
    asked: bool = False
    """Whether it was waited for once because nothing was known of it."""


@dataclass(kw_only=True)
class Servers:
    """The servers of one project. Use it as an async context manager, or call `close`."""

    settings: Mapping[str, McpServerSettings]
    target: Callable[[str, McpServerSettings], Target]
    """Where a server is."""
    trust: Callable[[], Trust | None] = lambda: None
    """What decides which tools may be used; made when it is first needed."""
    extensions: Callable[[str], Sequence[Any]] = lambda _: ()
    """Extensions of the protocol that are spoken with a server."""
    logs: Path | None = None
    """A folder where the last words of each server are kept; None to forget them."""
    generation: int = 0
    _servers: dict[str, _Server] = field(default_factory=dict[str, _Server])
    _trust: Trust | None = None
    _trusting: bool = False
    _warming: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Servers:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    @property
    def names(self) -> Sequence[str]:
        """The servers that are enabled, in the order of the project."""
        return [name for name, settings in self.settings.items() if settings.enabled]

    def toolset(
        self, wanted: Sequence[Wanted], *, refuse: Callable[[str], bool] = lambda _: False
    ) -> RemoteToolset:
        """A toolset of what `wanted` names: pairs of a pattern of servers and one of tools.

        Args:
            wanted: What the agent may use.
            refuse: Whether a name belongs to another tool, which must not be shadowed.
        """
        return RemoteToolset(self, wanted, refuse)

    def tools(self, server: str) -> Sequence[RemoteTool]:
        """The tools of a server, as far as they are known and may be used."""
        return self._loaded_server(server).tools

    def connection(self, server: str) -> Connection:
        """The connection to a server. Raises `NotFound`."""
        return self._server(server).connection

    async def ready(self, server: str) -> Connection:
        """See `toolset.Home`. Raises `NotFound`."""
        return self.connection(server)

    def knows(self, server: str) -> bool:
        """Whether it is known what a server offers."""
        return self._loaded_server(server).surface is not None

    async def met(self, pattern: str) -> None:
        """Return once it is known what these servers offer; those of the lock are known at once.

        A server that cannot be reached is left out, and told of by its state.
        """
        unknown = [
            server
            for name in self.names
            if fnmatchcase(name, pattern) and (server := self._loaded_server(name)).surface is None
        ]
        if not unknown:
            return
        new = [server for server in unknown if not server.asked]
        for server in new:
            server.asked = True
        await asyncio.gather(*(_connect(server.connection) for server in new))
        for server in unknown:
            server.connection.start()

    async def surface(self, server: str) -> Surface:
        """What may be used of a server, which is connected to if nothing is known.

        Raises:
            NotFound: There is no such server.
            ToolFailed: It cannot be reached.
        """
        known = self._loaded_server(server)
        if known.surface is None:
            await known.connection.session()
        assert known.surface is not None
        return known.surface

    def warm(self) -> None:
        """Connect to all servers in the background, a few at a time."""
        if self._warming is None and self.names:
            self._warming = asyncio.create_task(self._warm(), name="mcp servers")

    def readmit(self, server: str, held_back: int) -> None:
        """Look at the lock again: something was approved, and so much is still held back."""
        known = self._server(server)
        known.held_back = held_back
        trust = self._trusted()
        if trust is not None and (surface := trust.surface(server)) is not None:
            self._adopt(server, known, surface)

    def infos(self) -> list[ServerInfo]:
        """All servers, those that are not enabled too."""
        return [self.info(name) for name in self.settings]

    def info(self, name: str) -> ServerInfo:
        """How one server is doing. Raises `NotFound`."""
        server, problem = self._server(name), ""
        try:
            self._loaded_server(name)
        except LockInvalid as error:
            problem = summarize(error)
        connection, settings = server.connection, server.settings
        target = connection.target
        surface = server.surface
        local = isinstance(target, LocalTarget)
        info = ServerInfo(
            name=name,
            transport=target.kind,
            target=target.shown,
            state=connection.state,
            detail=connection.detail if connection.state in ("waiting", "failed") else "",
            server=surface.name or None if surface else None,
            version=surface.version or None if surface else None,
            protocol=connection.protocol,
            pid=connection.pid,
            since=connection.since,
            restarts=connection.restarts,
            calls=connection.calls,
            failures=connection.failures,
            latency=connection.latency,
            retry_in=connection.retry_in,
            tools=[_told(tool) for tool in server.tools],
            held_back=server.held_back,
            refused=server.refused,
            confined=settings.permissions is not None if local else None,
            notes=list(target.notes) if local else [],
        )
        if problem:
            info.state, info.detail = "failed", problem
        if not settings.enabled:
            info.state = "off"
        return info

    def log(self, name: str, lines: int) -> list[str]:
        """The last words of a server. Raises `NotFound`."""
        return self._server(name).connection.log.tail(lines)

    async def restart(self, name: str) -> ServerInfo:
        """End a server and begin anew.

        Raises:
            NotFound: There is no such server.
            ToolFailed: It did not start.
        """
        await self._server(name).connection.restart()
        return self.info(name)

    async def close(self) -> None:
        """End all connections and processes."""
        if self._warming is not None:
            self._warming.cancel()
            with suppress(asyncio.CancelledError):
                await self._warming
        await asyncio.gather(*(each.connection.close() for each in self._servers.values()))
        for name, server in self._servers.items():
            await asyncio.to_thread(self._keep, name, server.connection.log)

    async def _warm(self) -> None:
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(name: str) -> None:
            async with room:
                await _connect(self._server(name).connection)

        await asyncio.gather(*(one(name) for name in self.names))

    def _server(self, name: str) -> _Server:
        known = self._servers.get(name)
        if known is not None:
            return known
        settings = self.settings.get(name)
        if settings is None:
            there = ", ".join(self.settings) or "none"
            raise NotFound(f"There is no MCP server {name[:64]}.", hint=f"There is: {there}.")
        connection = Connection(
            name=name,
            target=self.target(name, settings),
            settings=settings,
            offered=partial(self._offered, name),
            extensions=partial(self.extensions, name),
            log=ServerLog(self._kept(name)),
        )
        known = self._servers[name] = _Server(settings=settings, connection=connection)
        return known

    def _loaded_server(self, name: str) -> _Server:
        """A server with what the lock knows of it. Raises `LockInvalid`."""
        server = self._server(name)
        if not server.loaded:
            trust = self._trusted()
            surface = trust.surface(name) if trust is not None else None
            server.loaded = True
            if surface is not None and server.surface is None:
                self._adopt(name, server, surface)
        return server

    def _trusted(self) -> Trust | None:
        if not self._trusting:
            self._trust = self.trust()
            self._trusting = True
        return self._trust

    def _offered(self, name: str, surface: Surface, broken: dict[str, str]) -> None:
        """A server has said what it offers: let through what may be used."""
        server = self._servers[name]
        server.refused = broken
        trust = self._trusted()
        if trust is not None:
            foreign = {
                tool.name for other, each in self._servers.items() if other != name
                for tool in each.tools
            }  # fmt: skip
            admission = trust.admit(name, surface, foreign=foreign)
            surface, server.held_back = admission.surface, len(admission.quarantined)
        self._adopt(name, server, surface)

    def _adopt(self, name: str, server: _Server, surface: Surface) -> None:
        server.surface = surface
        tools = tuple(remote_tools(name, surface, server.settings))
        if tools != server.tools:
            server.tools = tools
            self.generation += 1

    def _kept(self, name: str) -> list[str]:
        file = None if self.logs is None else self.logs / name / "log"
        try:
            return file.read_text("utf-8").splitlines() if file is not None else []
        except (OSError, ValueError):
            return []

    def _keep(self, name: str, log: ServerLog) -> None:
        lines = log.tail()
        if self.logs is None or not lines:
            return
        with suppress(OSError):
            folder = self.logs / name
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            fresh = folder / "log.new"
            fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
            fresh.replace(folder / "log")


async def _connect(connection: Connection) -> None:
    with suppress(MuxiError):
        await connection.session()


def _told(tool: RemoteTool) -> RemoteToolInfo:
    return RemoteToolInfo(
        name=tool.spec.name,
        remote=tool.name,
        title=tool.spec.annotations.title,
        description=tool.spec.description,
    )
