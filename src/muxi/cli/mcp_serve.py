"""`muxi mcp serve`: the project as a server of MCP over standard input and output.

What is read goes to the process that owns the project, as with every command, and its answers are
written: nothing but messages of the protocol, one a line. Whatever else would be printed goes to
standard error.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from muxi.cli.app import new_app
from muxi.cli.options import ProjectOption, UserOption

if TYPE_CHECKING:
    from muxi.cli.session import Session

app = new_app()

_BLOCK = 1 << 16
_WAITING = 64
"""Blocks that are read ahead of the server."""


@app.command()
def serve(
    *,
    user: UserOption = None,
    project: ProjectOption = None,
) -> None:
    """Serve this project's agents, tools and memory over standard input and output.

    For MCP clients that start their servers by a command. It ends when standard input is closed, or
    at SIGTERM. Clients that speak HTTP find the same at `/mcp` of `muxi up`.
    """
    from muxi.cli.session import in_session

    with _own_streams() as (source, sink):
        wires = _Wires(source, sink)

        async def work(session: Session) -> None:
            await _serve(session, wires)

        in_session(project, work, answers=True, user=user)


@contextmanager
def _own_streams() -> Generator[tuple[int, int]]:
    """The two streams of the protocol, for nobody else.

    What other code of this process prints, also below Python, goes to standard error, and a program
    that it starts finds its input at an end.
    """
    source, sink = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        os.dup2(nothing, 1)
    os.close(nothing)
    try:
        yield source, sink
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(source, 0)
        os.dup2(sink, 1)


class _Wires:
    """Reads and writes without holding up the event loop."""

    def __init__(self, source: int, sink: int) -> None:
        self._source = source
        self._sink = sink

    async def blocks(self) -> AsyncGenerator[bytes]:
        """What comes in, to its end."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        room = threading.Semaphore(_WAITING)

        def read() -> None:
            # A thread of its own that ends with the process: nothing can wake it out of a read.
            data = b"-"
            while data:
                room.acquire()
                try:
                    data = os.read(self._source, _BLOCK)
                except OSError:
                    data = b""
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(queue.put_nowait, data)

        threading.Thread(target=read, name="stdin", daemon=True).start()
        while data := await queue.get():
            room.release()
            yield data

    async def write(self, data: bytes) -> None:
        """Raises `OSError`: Nobody reads any more."""
        await asyncio.to_thread(_write_all, self._sink, data)


def _write_all(sink: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(sink, view) :]


async def _serve(session: Session, wires: _Wires) -> None:
    from muxi.cli.mcp_bridge import Bridge

    bridge = asyncio.create_task(Bridge(session.client, wires.blocks(), wires.write).run())
    with _told_to_stop(bridge.cancel) as told:
        try:
            await asyncio.wait([bridge])
        finally:
            bridge.cancel()
            await asyncio.wait([bridge])
    if told:
        session.hurry()
    elif not bridge.cancelled():
        with suppress(OSError):  # the client reads no more
            bridge.result()


@contextmanager
def _told_to_stop(stop: Callable[[], Any]) -> Generator[list[int]]:
    """While the block runs, SIGTERM calls `stop` in the event loop; gives the signals that came."""
    loop = asyncio.get_running_loop()
    told: list[int] = []

    def hear(number: int, frame: object) -> None:
        told.append(number)
        loop.call_soon_threadsafe(stop)

    before = signal.signal(signal.SIGTERM, hear)
    try:
        yield told
    finally:
        signal.signal(signal.SIGTERM, before)
