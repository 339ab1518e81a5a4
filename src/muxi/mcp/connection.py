"""One server under care: connected when needed, watched, and connected again when it fails.

Owned by `servers`. A connection lives in one task of its own from its first moment to its last;
calls come from other tasks. Nothing here knows of agents or models.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Protocol

from muxi.config.mcp_settings import McpServerSettings
from muxi.core.errors import MuxiError, ToolFailed
from muxi.core.ports import Context
from muxi.core.questions import Answer, Question
from muxi.core.servers import ServerState
from muxi.mcp.endings import ended as how_it_ended
from muxi.mcp.endings import first_of, reason_of
from muxi.mcp.log import ServerLog
from muxi.mcp.orders import Orders, Retries
from muxi.mcp.surface import Surface
from muxi.mcp.target import Target, Wire

if TYPE_CHECKING:
    from mcp.client.session import ClientSession

_STEADY: Final = 30.0
"""Seconds that a connection must have held for its failures before that to be forgotten."""
_SHORT: Final = 5.0
"""Seconds that a call waits for the next attempt; if that is further off, it fails at once."""
_QUIET: Final = 30.0
"""Seconds without a message after which a local server is asked whether it is well."""
_WELL: Final = 5.0
"""Seconds that it has to say so."""
_SETTLE: Final = 0.5
"""Seconds in which several announcements of changed tools count as one."""


class ActiveCall(Protocol):
    """A call under way."""

    @property
    def ctx(self) -> Context: ...

    async def ask(self, question: Question) -> Answer:
        """Put a question to the person for whom it is made."""
        ...


@dataclass(kw_only=True, eq=False)
class Connection:
    """One server. `session` gives a live session to it, whatever it takes."""

    name: str
    target: Target
    settings: McpServerSettings
    offered: Callable[[Surface, dict[str, str]], None]
    """Hears what the server offers, and which tools are broken, after each listing."""
    extensions: Callable[[], Sequence[Any]] = tuple
    """Makes the extensions of the protocol that are spoken with it."""
    log: ServerLog = field(default_factory=ServerLog)
    state: ServerState = "idle"
    detail: str = ""
    protocol: str | None = None
    pid: int | None = None
    since: datetime | None = None
    restarts: int = 0
    calls: int = 0
    failures: int = 0
    latency: float | None = None
    active: list[ActiveCall] = field(default_factory=list[ActiveCall])
    """Calls under way, the oldest first."""
    _legacy: bool = False
    """Whether the server is known to speak no newer revision: then nothing newer is tried first."""
    _session: ClientSession | None = None
    _wire: Wire | None = None
    _task: asyncio.Task[None] | None = None
    _attempt: asyncio.Future[ClientSession] | None = None
    _orders: Orders = field(default_factory=Orders)
    _retries: Retries = field(default_factory=Retries)
    _listed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when what is offered was listed again, or cannot be."""
    _closing: bool = False

    async def session(self) -> ClientSession:
        """A session that was live a moment ago.

        Raises:
            ToolFailed: There is none within the server's `start_timeout`; the message says why.
        """
        if self._session is not None:
            return self._session
        attempt = self._demand()
        try:
            async with asyncio.timeout(self.settings.start_timeout + _SHORT):
                return await asyncio.shield(attempt)
        except TimeoutError:
            raise self._unavailable("it did not start in time") from None

    @property
    def retry_in(self) -> float | None:
        """Seconds until the next attempt, if one is planned."""
        return self._retries.left if self.state == "waiting" else None

    def start(self) -> None:
        """Connect in the background."""
        if self._session is None and (self._task is None or self._task.done()):
            with suppress(ToolFailed):
                self._demand()

    def suspect(self) -> None:
        """A call has been lost: ask the server whether it is well, and start it anew if not."""
        self._orders.give("probe")

    def lost(self, session: ClientSession) -> None:
        """The server has forgotten this session, or cannot be reached: another one is needed."""
        if self._session is session:
            self._forget()
            self.state = "connecting"
            self._orders.give("reconnect")

    def changed(self) -> None:
        """The server says that it offers other things than before."""
        self._orders.give("list")

    async def relist(self) -> None:
        """Return when the server has said what it offers now.

        Raises:
            ToolFailed: It cannot be asked.
        """
        if self._session is None:
            await self.session()
            return
        self._listed.clear()
        self.changed()
        try:
            async with asyncio.timeout(self.settings.start_timeout + _SHORT):
                await self._listed.wait()
        except TimeoutError:
            raise self._unavailable("it did not say what it offers") from None
        # It may have ended over what it said.
        await self.session()

    async def ask(self, question: Question) -> Answer | None:
        """Put a question of the server to a person; None if nobody can be meant.

        The older era does not say which of the calls under way a question belongs to, so that all
        of them must be of one user.
        """
        users = {(call.ctx.tenant, call.ctx.user) for call in self.active}
        return await self.active[-1].ask(question) if len(users) == 1 else None

    async def restart(self) -> None:
        """End the connection, and the process, and begin anew. Returns when it is live again.

        Raises:
            ToolFailed: It could not be connected.
        """
        self._retries.forget()
        self._forget()
        self._orders.give("restart")
        await self.session()

    async def close(self) -> None:
        """End the connection and the process for good."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _forget(self) -> None:
        """Let calls wait for the next connection."""
        self._session = None
        if self._attempt is None:
            self._attempt = asyncio.get_running_loop().create_future()
            # Nobody may ever ask how it went.
            self._attempt.add_done_callback(_look_at)

    def _demand(self) -> asyncio.Future[ClientSession]:
        """The attempt that is under way or comes next. Raises `ToolFailed` if it is far off."""
        if self._closing:
            raise self._unavailable("muxi is stopping")
        if self._retries.left > _SHORT:
            raise self._unavailable(self.detail)
        self._forget()
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._supervise(), name=f"mcp {self.name}")
        assert self._attempt is not None
        return self._attempt

    def _unavailable(self, reason: str) -> ToolFailed:
        left = self._retries.left
        again = f" It is tried again in {left:.0f} s." if left > 1 else ""
        return ToolFailed(
            f"The MCP server {self.name} is not available: {reason.rstrip('.')}.{again}",
            hint=f"`muxi mcp logs {self.name}` shows what it said.",
            server=self.name,
        )

    async def _supervise(self) -> None:
        """Connect again and again, until it is not wanted any more or fails too often."""
        again = True
        while again and not self._closing:
            await self._pause()
            self._orders.take()
            began = time.monotonic()
            error = await self._try()
            again = self._take_stock(error, steady=time.monotonic() - began > _STEADY)

    async def _try(self) -> BaseException | None:
        """One connection; gives what ended it."""
        try:
            await self._live()
        except asyncio.CancelledError:
            self._end("muxi is stopping")
            self._fail()
            raise
        except BaseExceptionGroup as group:
            return first_of(group)
        except Exception as error:  # noqa: BLE001 -- a task boundary: a server may fail in any way
            return error
        return None

    def _take_stock(self, error: BaseException | None, *, steady: bool) -> bool:
        """Plan the next attempt after a connection has ended; whether there is to be one."""
        self.restarts += 1
        if "restart" in self._orders:
            return True
        lived = self.since is not None
        timeout = self.settings.start_timeout
        # What a target itself refuses is the reason of whatever came of it.
        cause = self.target.refusal or error
        self._end(reason_of(cause, self._wire, self.log, start_timeout=timeout))
        final = isinstance(cause, MuxiError) and not cause.retryable
        self._retries.failed(steady=steady, final=final)
        self.state = "failed" if self._retries.given_up else "waiting"
        if not lived:
            # It may have become another server meanwhile.
            self._legacy = False
        if not lived or self.state == "failed":
            self._fail()
        return self.state != "failed"

    async def _pause(self) -> None:
        """Wait until the next attempt is due, or somebody wants it at once."""
        while "restart" not in self._orders and (left := self._retries.left) > 0:
            await self._orders.wait(left)
        self._retries.now()

    async def _live(self) -> None:
        """One connection from beginning to end."""
        self.state, self.detail = "connecting", ""
        # The SDK takes a second of CPU, in which other runs should go on.
        await asyncio.to_thread(import_module, "muxi.mcp.negotiation")
        from muxi.mcp.negotiation import client_of, is_modern, surface_of
        from muxi.mcp.schemas import usable

        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self.settings.start_timeout):
                wire = self._wire = await stack.enter_async_context(self.target.open(self.log))
                self.pid = wire.pid
                client = client_of(
                    wire,
                    protocol="legacy" if self._legacy else self.settings.protocol,
                    extensions=self.extensions(),
                    hearing=self,
                )
                await stack.enter_async_context(client)
                surface, broken = usable(await surface_of(client))
            self.offered(surface, broken)
            self.protocol = client.protocol_version
            self._legacy = not is_modern(client)
            self.since = datetime.now(UTC)
            self.state = "ready"
            self._session = client.session
            if self._attempt is not None and not self._attempt.done():
                self._attempt.set_result(client.session)
            self._attempt = None
            try:
                await self._stay(client, wire)
            finally:
                self._forget()

    async def _stay(self, client: Any, wire: Wire) -> None:
        """Watch over a live connection until it ends.

        Raises:
            MuxiError: It has ended, or the server does not answer any more.
        """
        from muxi.mcp.negotiation import listening

        ended = asyncio.create_task(wire.ended(), name=f"end of {self.name}")
        news = asyncio.create_task(listening(client, self.changed), name=f"news of {self.name}")
        try:
            while not ended.done():
                await self._orders.wait(_QUIET, ended)
                if "restart" in self._orders:
                    return
                if "reconnect" in self._orders:
                    await asyncio.wait({ended}, timeout=_SETTLE)
                    raise ToolFailed(how_it_ended(wire) or "the connection was lost")
                if not ended.done():
                    await self._look_after(client, wire)
            raise ToolFailed(how_it_ended(wire) or "it closed the connection")
        finally:
            ended.cancel()
            news.cancel()
            await asyncio.gather(ended, news, return_exceptions=True)

    async def _look_after(self, client: Any, wire: Wire) -> None:
        """Do what is due: look at changed tools, or ask the server whether it is well."""
        from muxi.mcp.negotiation import probe, surface_of
        from muxi.mcp.schemas import usable

        orders = self._orders.take()
        if "list" in orders:
            await asyncio.sleep(_SETTLE)
            self._orders.drop("list")
            async with asyncio.timeout(self.settings.start_timeout):
                self.offered(*usable(await surface_of(client)))
            self._listed.set()
            return
        quiet = not orders and not self.active and self.target.kind == "stdio"
        if "probe" not in orders and not quiet:
            return
        began = time.monotonic()
        try:
            async with asyncio.timeout(_WELL):
                await probe(client)
        except TimeoutError:
            wire.kill()
            raise ToolFailed("it hung, and was ended") from None
        self.latency = time.monotonic() - began

    def _end(self, reason: str) -> None:
        """The connection is gone."""
        self.detail = reason
        self._listed.set()
        self.pid = self.since = self._wire = None
        self.log.note(reason)

    def _fail(self) -> None:
        """Tell those who wait for a connection that there is none."""
        attempt, self._attempt = self._attempt, None
        if attempt is not None and not attempt.done():
            attempt.set_exception(self._unavailable(self.detail))


def _look_at(attempt: asyncio.Future[Any]) -> None:
    if not attempt.cancelled():
        attempt.exception()
