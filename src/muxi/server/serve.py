"""Serves a living project over TCP and over the socket beside it. Called by the CLI.

The caller owns the runtime: it opens it before and closes it after.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket as socket_module
import ssl
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import (
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
    suppress,
)

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from muxi.core.errors import MuxiError
from muxi.runtime.build import Runtime
from muxi.server.access import Access
from muxi.server.addresses import Addresses, is_local, reached_at
from muxi.server.app import App
from muxi.server.arrivals import Arrivals
from muxi.server.corked import CorkedProtocol
from muxi.server.descriptors import raise_limit
from muxi.server.federation import federate
from muxi.server.mcp.endpoint import Endpoint, endpoint_of
from muxi.server.pages import Pages
from muxi.server.rates import Rates
from muxi.server.request_log import RequestLog
from muxi.server.sockets import open_tcp, open_unix, tls_context
from muxi.server.table import RESOURCES
from muxi.server.upgrades import Upgrades

DEFAULT_PORT = 5050

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_YOUNG_OBJECTS = 20_000
"""New objects after which the collector looks at them: some hundred turns' worth."""

_LAST_WORDS = 2
"""Seconds for answers that are still being written when the server stops."""


_LAST_WORD = 0.1
"""Seconds for the end of an answer that is broken off."""


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own handling of signals, which belongs to the program around it.

    It speaks TLS with the network, and plainly on the socket beside the project.
    """

    def __init__(
        self, config: uvicorn.Config, tls: ssl.SSLContext | None, arrivals: Arrivals
    ) -> None:
        super().__init__(config)
        self._tls = tls
        self._arrivals = arrivals

    async def startup(self, sockets: list[socket_module.socket] | None = None) -> None:
        def protocol() -> asyncio.Protocol:
            return CorkedProtocol(
                arrivals=self._arrivals,
                config=self.config,
                server_state=self.server_state,
                app_state=self.lifespan.state,
            )

        await self.lifespan.startup()
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                protocol,
                sock=each,
                ssl=None if each.family == socket_module.AF_UNIX else self._tls,
                backlog=self.config.backlog,
            )
            for each in sockets or ()
        ]
        self.started = True

    def leave_machine(self) -> None:
        """Be found by no other command of this machine any more."""
        for server in self.servers:
            if any(each.family == socket_module.AF_UNIX for each in server.sockets):
                server.close()

    def capture_signals(self) -> AbstractContextManager[None]:  # pyright: ignore[reportIncompatibleMethodOverride] -- any context manager will do
        return nullcontext()


class _Answers:
    """The application, whose answers can be cancelled: only the end of the server does that.

    uvicorn would take a cancelled answer for a fault of the application and log a traceback.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except asyncio.CancelledError:
            with suppress(RuntimeError, TimeoutError):
                async with asyncio.timeout(_LAST_WORD):
                    await _break_off(send)


async def _break_off(send: Send) -> None:
    """End an answer wherever it is, without words."""
    end = {"type": "http.response.body", "body": b"", "more_body": False}
    try:
        await send(end)
    except RuntimeError:
        # It had not begun.
        await send({"type": "http.response.start", "status": 503, "headers": []})
        await send(end)


class Server:
    """A project that answers. Made by `serving`."""

    def __init__(
        self, app: App, access: Access, *, url: str | None, exposed: bool, grace: float
    ) -> None:
        self.app = app
        self.grace = grace
        """Seconds that runs have to end by themselves when this server ends."""
        self.url = url
        """Where browsers reach it; None if it listens on the Unix socket only."""
        self.exposed = exposed
        """Whether others in the network could read what is sent."""
        self._access = access
        self._stop = asyncio.Event()

    async def login_link(self) -> str:
        """A link that signs the person at this machine in with one browser, once.

        Raises:
            MuxiError: Browsers cannot reach this server.
        """
        if self.url is None:
            raise MuxiError("This process serves no browsers.", hint="Start `muxi up`.")
        return (await self._access.link(self.url)).url

    def stop(self) -> None:
        """Let `until_stopped` return."""
        self._stop.set()

    async def until_stopped(self) -> None:
        await self._stop.wait()


@asynccontextmanager
async def serving(
    runtime: Runtime,
    *,
    host: str = "127.0.0.1",
    port: int | None = None,
    socket: bool = True,
    mcp: Endpoint | None = None,
) -> AsyncGenerator[Server]:
    """Serve while the block runs.

    Args:
        runtime: The project.
        host: The address to listen on.
        port: TCP port, 0 for any free one; None to serve the Unix socket alone.
        socket: Whether to serve the Unix socket beside the project too.
        mcp: What is served at `/mcp` in place of the project.

    Raises:
        Conflict: The port is in use.
        InvalidInput: `host` is no address of this machine.
        ConfigError: The certificate cannot be used.
    """
    settings = runtime.project.server
    tls = None if settings.tls is None else tls_context(settings.tls, runtime.project.folder)
    listeners, url = _listen(runtime, host=host, port=port, socket=socket)
    addresses = Addresses(settings, host=host)
    rates = Rates(settings.rate_limits, runtime.identity.allowances)
    access = Access(runtime.state.token(), runtime.identity, addresses, rates)
    federate(access, runtime)
    mcp = mcp or endpoint_of(runtime)
    app = App(runtime, RESOURCES, access=access, pages=Pages(), mcp=mcp)
    upgrades = Upgrades(runtime, access)
    answers = RequestLog(app, settings)
    uvicorn_server = _Uvicorn(
        _configuration(answers, upgrades, settings.proxies),
        tls,
        Arrivals(settings.rate_limits.connections, settings.proxies),
    )
    await _start(uvicorn_server, listeners)
    runtime.announce(url=url, socket=socket)
    exposed = tls is None and not settings.proxies and not is_local(host)
    server = Server(app, access, url=url, exposed=exposed, grace=settings.grace)
    try:
        yield server
    finally:
        # Commands of this machine look for the next owner; others are told to come back.
        uvicorn_server.leave_machine()
        await runtime.stop_runs(server.grace)
        if mcp is not None:
            await mcp.close()
        await uvicorn_server.shutdown(listeners)


def _listen(
    runtime: Runtime, *, host: str, port: int | None, socket: bool
) -> tuple[list[socket_module.socket], str | None]:
    """The sockets to serve, and where browsers reach them."""
    listeners: list[socket_module.socket] = []
    url = None
    try:
        if port is not None:
            listeners.append(open_tcp(host, port))
            url = reached_at(runtime.project.server, host, listeners[0].getsockname()[1])
        if socket and sys.platform != "win32":
            listeners.append(open_unix(runtime.state.socket))
    except BaseException:
        for opened in listeners:
            opened.close()
        raise
    return listeners, url


async def serve_until_stopped(
    runtime: Runtime,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    started: Callable[[Server], Awaitable[None]],
) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called once the server answers.

    Runs then have a moment to end by themselves. A second signal is left to the program around,
    such as `asyncio.run`, which cancels its task: what was stored stays stored.
    """
    raise_limit()
    async with serving(runtime, host=host, port=port) as server:
        _collect_seldom()
        with _stopped_by_signals(server), _reloaded_by_signals(runtime):
            await started(server)
            await server.until_stopped()


def _collect_seldom() -> None:
    """Look for garbage less often than a small script needs it.

    What was loaded to start lives as long as the process, and is never looked through. A
    hundred turns at once hold more objects than the default threshold of the youngest generation,
    which made the collector a seventh of the work of a turn.
    """
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 50)


@contextmanager
def _reloaded_by_signals(runtime: Runtime) -> Generator[None]:
    """Read the project's file again at SIGHUP."""
    if sys.platform == "win32":
        yield
        return
    loop = asyncio.get_running_loop()
    under_way: set[asyncio.Task[None]] = set()

    def begin() -> None:
        task = loop.create_task(runtime.reloading.reload_quietly())
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    def hear(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(begin)

    before = signal.signal(signal.SIGHUP, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)
        for task in under_way:
            task.cancel()


@contextmanager
def _stopped_by_signals(server: Server) -> Generator[None]:
    if sys.platform == "win32":
        # Ctrl-C interrupts the program there.
        yield
        return
    loop = asyncio.get_running_loop()

    def stop(number: int, frame: object) -> None:
        restore()
        loop.call_soon_threadsafe(server.stop)

    # Not by `add_signal_handler`: to take such a handler away is to get Python's own in its place,
    # which raises an error at whatever line is being carried out.
    before = {number: signal.signal(number, stop) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    try:
        yield
    finally:
        restore()


def _configuration(app: ASGIApp, upgrades: Upgrades, proxies: list[str]) -> uvicorn.Config:
    return uvicorn.Config(
        _Answers(app),
        interface="asgi3",
        http=CorkedProtocol,
        ws=upgrades,  # pyright: ignore[reportArgumentType] -- whatever makes a protocol will do
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=bool(proxies),
        forwarded_allow_ips=proxies,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_LAST_WORDS,
    )


async def _start(server: _Uvicorn, listeners: list[socket_module.socket]) -> None:
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=listeners)
