"""Serves a living project over TCP and over the socket beside it. Called by the CLI.

The caller owns the runtime: it opens it before and closes it after.
"""

from __future__ import annotations

import asyncio
import signal
import socket as socket_module
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager, nullcontext

import uvicorn

from muxi.core.errors import MuxiError
from muxi.runtime.build import Runtime
from muxi.server.access import Access
from muxi.server.app import App
from muxi.server.pages import Pages
from muxi.server.sockets import open_tcp, open_unix
from muxi.server.table import OPERATIONS

DEFAULT_PORT = 5050

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_LAST_WORDS = 2
"""Seconds for answers that are still being written when the server stops."""


class _Uvicorn(uvicorn.Server):
    """uvicorn without its own handling of signals, which belongs to the program around it."""

    def capture_signals(self) -> AbstractContextManager[None]:  # pyright: ignore[reportIncompatibleMethodOverride] -- any context manager will do
        return nullcontext()


class Server:
    """A project that answers. Made by `serving`."""

    def __init__(self, app: App, access: Access, *, url: str | None) -> None:
        self.app = app
        self.url = url
        """Where browsers reach it; None if it listens on the Unix socket only."""
        self._access = access
        self._stop = asyncio.Event()

    def login_link(self) -> str:
        """A link that signs one browser in, once.

        Raises:
            MuxiError: Browsers cannot reach this server.
        """
        if self.url is None:
            raise MuxiError("This process serves no browsers.", hint="Start `muxi up`.")
        return self._access.link(self.url)

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
) -> AsyncGenerator[Server]:
    """Serve while the block runs.

    Args:
        runtime: The project.
        host: Only this machine is possible.
        port: TCP port, 0 for any free one; None to serve the Unix socket alone.
        socket: Whether to serve the Unix socket beside the project too.

    Raises:
        Conflict: The port is in use.
        InvalidInput: `host` is not this machine.
    """
    listeners, url = _listen(runtime, host=host, port=port, socket=socket)
    access = Access(runtime.state.token())
    app = App(runtime, OPERATIONS, access=access, pages=Pages())
    uvicorn_server = _Uvicorn(_configuration(app))
    await _start(uvicorn_server, listeners)
    runtime.announce(url=url, socket=socket)
    server = Server(app, access, url=url)
    try:
        yield server
    finally:
        for listening in uvicorn_server.servers:
            listening.close()
        await runtime.stop_runs()
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
            url = f"http://localhost:{listeners[0].getsockname()[1]}"
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
    started: Callable[[Server], None],
) -> None:
    """Serve until SIGINT or SIGTERM; `started` is called once the server answers.

    Runs then have a moment to end by themselves. A second signal ends everything as the program
    around would have it: what was stored stays stored.
    """
    async with serving(runtime, host=host, port=port) as server:
        with _stopped_by_signals(server):
            started(server)
            await server.until_stopped()


@contextmanager
def _stopped_by_signals(server: Server) -> Generator[None]:
    if sys.platform == "win32":
        # Ctrl-C interrupts the program there.
        yield
        return
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        server.stop()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def _configuration(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        interface="asgi3",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_LAST_WORDS,
    )


async def _start(server: _Uvicorn, listeners: list[socket_module.socket]) -> None:
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup(sockets=listeners)
