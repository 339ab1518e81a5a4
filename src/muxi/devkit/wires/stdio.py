"""A server that speaks over its standard streams: one message a line, UTF-8, nothing else.

Used by `devkit.connect`. Every byte of the server's output is looked at, since a line that is no
message is a fault worth telling.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from muxi.core.record import clean
from muxi.devkit.target import Transport
from muxi.devkit.wires.process import ServerProcess
from muxi.devkit.wires.wire import MAX_MESSAGE, Inbox, Message

_CHUNK: Final = 64 * 1024


class StdioWire:
    """The standard streams of a process."""

    transport: Transport = "stdio"

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path | None) -> None:
        self._command = command
        self._env = env
        self._cwd = cwd
        self._process: ServerProcess | None = None
        self._reading: asyncio.Task[None] | None = None
        self.ending_took: float | None = None
        """Seconds that the server took to end once its input was closed."""

    async def open(self, inbox: Inbox) -> None:
        self._process = await ServerProcess.start(
            self._command, env=self._env, cwd=self._cwd, said=inbox.said
        )
        self._reading = asyncio.create_task(self._read(self._process, inbox))

    async def send(self, message: Message, headers: Mapping[str, str]) -> None:
        assert self._process is not None
        with suppress(OSError):  # a server that has gone is told of by its output's end
            self._process.input.write(_line(message))
            await self._process.input.drain()

    async def abandon(self, request: int | str) -> None:
        params = {"requestId": request, "reason": "nobody waits any more"}
        notice: Message = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}
        await self.send(notice, {})

    async def close(self) -> None:
        if self._process is not None:
            self.ending_took = await self._process.stop()
        if self._reading is not None:
            self._reading.cancel()
            with suppress(asyncio.CancelledError):
                await self._reading

    async def _read(self, process: ServerProcess, inbox: Inbox) -> None:
        lines = _Lines(inbox)
        with suppress(OSError):
            while chunk := await process.output.read(_CHUNK):
                lines.feed(chunk)
        lines.end()
        inbox.ended(await process.ending())


class _Lines:
    """Messages from the bytes of a stream."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._kept = bytearray()
        self._dropped = 0

    def feed(self, chunk: bytes) -> None:
        *whole, rest = chunk.split(b"\n")
        for part in whole:
            self._add(part)
            self.end()
        self._add(rest)

    def _add(self, part: bytes) -> None:
        if self._dropped or len(self._kept) + len(part) > MAX_MESSAGE:
            self._dropped += len(self._kept) + len(part)
            self._kept.clear()
        else:
            self._kept += part

    def end(self) -> None:
        """The line is whole."""
        raw, self._kept = bytes(self._kept), bytearray()
        if self._dropped:
            self._inbox.oversized(self._dropped)
            self._dropped = 0
        elif raw.strip():
            try:
                message = json.loads(raw)
            except (ValueError, RecursionError):
                self._inbox.stray(raw.decode("utf-8", "replace"))
            else:
                self._inbox.received(message)


def _line(message: Message) -> bytes:
    text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
    return clean(text).encode() + b"\n"
