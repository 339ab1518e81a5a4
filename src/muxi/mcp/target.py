"""Where a server is and how to reach it: a process, an address, or an object of this program.

Made by `servers`, opened by `connection` each time it connects. What costs time or may fail, such
as the resolution of secrets, happens then and not before.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from muxi.core.errors import MuxiError
from muxi.mcp.launch import Launch
from muxi.mcp.log import ServerLog


class Wire(Protocol):
    """A way to a server that is open."""

    @property
    def transport(self) -> Any:
        """What the SDK's client takes."""
        ...

    @property
    def pid(self) -> int | None:
        """Id of the process, if there is one of ours."""
        ...

    @property
    def end(self) -> str:
        """How it ended, in words; empty as long as it goes on, or nobody knows."""
        ...

    async def ended(self) -> None:
        """Return when it has ended. It may never."""
        ...

    def kill(self) -> None:
        """End it at once, because it hangs."""
        ...


class Target(Protocol):
    """A server that can be connected to."""

    @property
    def kind(self) -> Literal["stdio", "http", "memory"]: ...

    @property
    def shown(self) -> str:
        """What people are told of where it is, without any secret."""
        ...

    @property
    def refusal(self) -> MuxiError | None:
        """Why it refuses to be spoken to, if it does and that can be mended."""
        ...

    def open(self, log: ServerLog) -> AbstractAsyncContextManager[Wire]:
        """Raises `MuxiError` if it cannot be reached at all."""
        ...


@dataclass(slots=True)
class OpenWire:
    """A wire that has no process of ours."""

    transport: Any
    pid: int | None = None
    end: str = ""

    async def ended(self) -> None:
        """Its end shows at the next message."""
        import asyncio

        await asyncio.Event().wait()

    def kill(self) -> None:
        """There is nothing to kill."""


@dataclass(slots=True)
class LocalTarget:
    """A program that is started and spoken to over its standard streams."""

    program: str
    launch: Callable[[], Awaitable[Launch]]
    max_message: int
    notes: tuple[str, ...] = ()
    """What of its permissions cannot be enforced; known after the first start."""

    kind: Literal["stdio"] = field(default="stdio", init=False)
    refusal: None = field(default=None, init=False)

    @property
    def shown(self) -> str:
        """The program, without its arguments, which may hold secrets."""
        return self.program

    @asynccontextmanager
    async def open(self, log: ServerLog) -> AsyncGenerator[Wire]:
        """See `Target`."""
        from muxi.mcp.process import running

        launch = await self.launch()
        self.notes = launch.notes
        for note in launch.notes:
            log.note(note)
        async with running(launch, log, max_message=self.max_message) as process:
            yield process


@dataclass(slots=True)
class RemoteTarget:
    """A server at an address."""

    url: str
    headers: Callable[[], Awaitable[dict[str, str]]]
    auth: Callable[[], Awaitable[Any]]
    """An `httpx2.Auth`, or None."""
    max_message: int
    silence: float
    """Seconds after which an open answer without a word is given up."""

    kind: Literal["http"] = field(default="http", init=False)
    _auth: Any = field(default=None, init=False)

    @property
    def shown(self) -> str:
        """The address without credentials and query."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}"

    @property
    def refusal(self) -> MuxiError | None:
        """A login that it asks for, or no longer accepts."""
        return getattr(self._auth, "refusal", None)

    @asynccontextmanager
    async def open(self, log: ServerLog) -> AsyncGenerator[Wire]:
        """See `Target`."""
        from muxi.mcp.http_wire import speaking

        self._auth = await self.auth()
        async with speaking(
            self.url,
            headers=await self.headers(),
            auth=self._auth,
            max_message=self.max_message,
            silence=self.silence,
        ) as transport:
            yield OpenWire(transport)


@dataclass(slots=True)
class ObjectTarget:
    """A server that lives in this program: an `mcp.server.MCPServer` or a low-level `Server`."""

    server: Any

    kind: Literal["memory"] = field(default="memory", init=False)
    refusal: None = field(default=None, init=False)

    @property
    def shown(self) -> str:
        """What kind of object it is."""
        return type(self.server).__name__

    @asynccontextmanager
    async def open(self, log: ServerLog) -> AsyncGenerator[Wire]:
        """See `Target`."""
        yield OpenWire(self.server)
