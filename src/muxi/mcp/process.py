"""A local server as a process: messages over its standard streams, and a sure end of it.

Used by `connection`. Unlike the SDK's own transport it bounds what it reads, lets a server that
prints garbage live, keeps the standard error apart, and ends the whole process group.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import anyio
import mcp_types as types
from mcp.shared.message import SessionMessage

from muxi.core.errors import ToolFailed
from muxi.mcp.launch import Launch
from muxi.mcp.log import ServerLog

_CHUNK = 256 * 1024
_EDGE = 512
"""Bytes that are kept of each end of a message that is too long: its id stands in one of them."""
_ID = re.compile(rb'"id"\s*:\s*(\d{1,15}|"[^"\\]{1,100}")')
_UNSOLICITED = 250
"""Messages in a row that answer nothing, after which reading pauses."""
_PAUSE = 0.25
"""Seconds of that pause: a server that floods is slowed down to some thousand messages a second."""
_GLANCE = 1.0
"""Seconds between two looks at whether it still lives."""
_GRACE = 1.5
"""Seconds to end after the standard input was closed, and again after SIGTERM."""


@asynccontextmanager
async def running(
    launch: Launch, log: ServerLog, *, max_message: int
) -> AsyncGenerator[ServerProcess]:
    """Start a server and end it, with all that it has started.

    Raises:
        ToolFailed: It cannot be started.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *launch.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=launch.environment,
            cwd=launch.cwd,
            limit=_CHUNK,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ToolFailed(
            f"{launch.program} cannot be started: {reason}.",
            hint="Check `command`, and that the program is installed.",
        ) from error
    log.begin()
    server = ServerProcess(process, log, max_message)
    watching = asyncio.create_task(server.watch(), name=f"log of {launch.program}")
    try:
        yield server
    finally:
        ending = asyncio.ensure_future(server.stop())
        try:
            await asyncio.shield(ending)
        except asyncio.CancelledError:
            # Whoever is in such a hurry must not leave the process behind.
            server.kill()
            await ending
            raise
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching


@dataclass(eq=False)
class ServerProcess:
    """A server that runs. The two streams speak in the SDK's terms."""

    process: asyncio.subprocess.Process
    log: ServerLog
    max_message: int
    reader: MessageReader = field(init=False)
    writer: MessageWriter = field(init=False)

    def __post_init__(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.reader = MessageReader(self.process.stdout, self.log, self.max_message)
        self.writer = MessageWriter(self.process.stdin)

    @property
    def transport(self) -> ServerProcess:
        """See `target.Wire`; entering it gives the two streams."""
        return self

    @property
    def pid(self) -> int:
        """See `target.Wire`."""
        return self.process.pid

    async def ended(self) -> None:
        """See `target.Wire`."""
        while self.process.returncode is None and not self.reader.at_end.is_set():
            # A process that it has started may keep its output open after its own end.
            with suppress(TimeoutError):
                await asyncio.wait_for(self.reader.at_end.wait(), _GLANCE)
        await self._ended(_GLANCE)

    async def __aenter__(self) -> tuple[Any, Any]:
        return self.reader, self.writer

    async def __aexit__(self, *failure: object) -> None:
        await self.writer.aclose()

    async def watch(self) -> None:
        """Keep the standard error until it ends."""
        assert self.process.stderr is not None
        while data := await self.process.stderr.read(_CHUNK):
            self.log.feed(data)
        self.log.end()

    async def stop(self) -> None:
        """End the process: politely, then by signals to its whole group."""
        await self.writer.aclose()
        self.reader.abandon()
        for last in (None, signal.SIGTERM):
            if last is not None:
                self._signal(last)
            if await self._ended(_GRACE):
                break
        # What it has started may have outlived it.
        self.kill()
        await self._ended(_GRACE)
        transport: Any = getattr(self.process, "_transport", None)
        if transport is not None:
            transport.close()

    def kill(self) -> None:
        """End the process and what it has started at once."""
        self._signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)

    @property
    def end(self) -> str:
        """How it ended, in words; empty while it runs."""
        code = self.process.returncode
        if code is None:
            return ""
        if code < 0:
            try:
                return f"was ended by {signal.Signals(-code).name}"
            except ValueError:
                return f"was ended by signal {-code}"
        return f"exited with code {code}"

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            if sys.platform != "win32":
                os.killpg(self.process.pid, number)
            else:
                self.process.send_signal(number)

    async def _ended(self, seconds: float) -> bool:
        # Not `wait`, which also waits for pipes that a grandchild may hold open.
        deadline = asyncio.get_running_loop().time() + seconds
        while self.process.returncode is None:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.01)
        return True


class MessageReader:
    """The messages of a server, one a line. It never holds more than one of the longest."""

    def __init__(self, stream: asyncio.StreamReader, log: ServerLog, max_message: int) -> None:
        self._stream = stream
        self._log = log
        self._max = max_message
        self.at_end = asyncio.Event()
        """Set when nothing more will come."""
        self._buffer = bytearray()
        self._searched = 0
        self._unsolicited = 0
        self._closed = False
        self._draining: asyncio.Task[None] | None = None

    async def receive(self) -> SessionMessage | Exception:
        """The next message. Raises `anyio.EndOfStream` when the server has ended."""
        while True:
            line = await self._line()
            if isinstance(line, SessionMessage):
                return line
            if not line.strip():
                continue
            try:
                message = types.jsonrpc_message_adapter.validate_json(line, by_name=False)
            except ValueError:
                self._log.write(line[:300].decode("utf-8", "replace"), source="stdout")
                continue
            await self._restrain(message)
            return SessionMessage(message)

    async def _restrain(self, message: types.JSONRPCMessage) -> None:
        """Slow a server down that sends without being asked."""
        if isinstance(message, types.JSONRPCResponse | types.JSONRPCError):
            self._unsolicited = 0
            return
        self._unsolicited += 1
        if self._unsolicited >= _UNSOLICITED:
            self._unsolicited = 0
            self._log.note(f"more than {_UNSOLICITED} messages in a row; slowed down")
            await asyncio.sleep(_PAUSE)

    async def _line(self) -> bytes | SessionMessage:
        while True:
            end = self._buffer.find(b"\n", self._searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[: end + 1]
                self._searched = 0
                return line
            if len(self._buffer) > self._max:
                return await self._too_long()
            self._searched = len(self._buffer)
            await self._more()

    async def _more(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError
        data = await self._stream.read(_CHUNK)
        if not data:
            self.at_end.set()
            raise anyio.EndOfStream
        self._buffer += data

    async def _too_long(self) -> SessionMessage | bytes:
        """Pass over a message that is too long, and answer in its place whoever waits for it."""
        head = bytes(self._buffer[:_EDGE])
        size = 0
        while (end := self._buffer.find(b"\n")) < 0:
            size += max(0, len(self._buffer) - _EDGE)
            del self._buffer[:-_EDGE]
            await self._more()
        tail = bytes(self._buffer[:end][-_EDGE:])
        size += end
        del self._buffer[: end + 1]
        self._searched = 0
        words = f"a message of {size:,} bytes, of which at most {self._max:,} are read"
        self._log.note(words)
        found = _ID.search(head) or _ID.search(tail)
        if found is None:
            return b""
        number = found[1].decode("utf-8", "replace").strip('"')
        error = types.ErrorData(code=types.INTERNAL_ERROR, message=f"The server sent {words}.")
        id_ = int(number) if number.isdigit() else number
        return SessionMessage(types.JSONRPCError(jsonrpc="2.0", id=id_, error=error))

    def abandon(self) -> None:
        """Read on without keeping anything, so that a server that still writes can end."""
        if self._draining is None:
            self._draining = asyncio.create_task(self._drain(), name="rest of a server's output")

    async def _drain(self) -> None:
        with suppress(OSError, RuntimeError):
            while await self._stream.read(_CHUNK):
                pass

    async def aclose(self) -> None:
        self._closed = True

    def __aiter__(self) -> MessageReader:
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> MessageReader:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()


class MessageWriter:
    """Messages to a server, one a line."""

    def __init__(self, stream: asyncio.StreamWriter) -> None:
        self._stream = stream

    async def send(self, item: SessionMessage) -> None:
        """Raises `anyio.BrokenResourceError` when the server reads no more."""
        text = item.message.model_dump_json(by_alias=True, exclude_unset=True)
        try:
            self._stream.write(text.encode() + b"\n")
            await self._stream.drain()
        except (OSError, RuntimeError) as error:
            raise anyio.BrokenResourceError from error

    async def aclose(self) -> None:
        with suppress(OSError, RuntimeError):
            self._stream.close()

    async def __aenter__(self) -> MessageWriter:
        return self

    async def __aexit__(self, *failure: object) -> None:
        await self.aclose()
