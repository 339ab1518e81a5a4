"""A server that speaks streamable HTTP: one POST a message, answered by JSON or a stream of events.

Used by `devkit.connect`, for a URL, or with a process of its own for a Python object.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import aiohttp

from muxi.core.errors import ModelProtocolError, ServerTooSlow, ServerUnavailable
from muxi.core.record import clean
from muxi.devkit.target import Transport
from muxi.devkit.wires.process import ServerProcess
from muxi.devkit.wires.wire import MAX_MESSAGE, Inbox, Message
from muxi.wire.sse import SseReader

SESSION: Final = "Mcp-Session-Id"
_ACCEPT: Final = {"Accept": "application/json, text/event-stream"}
_TEXT: Final = 2_000
"""Characters of a refusal that are kept."""


class HttpWire:
    """A URL."""

    transport: Transport = "http"

    def __init__(self, url: str, headers: Mapping[str, str] | None = None) -> None:
        self.url = url
        self._headers = dict(headers or {})
        self._session: aiohttp.ClientSession | None = None
        self._inbox: Inbox | None = None
        self._id: str | None = None
        self._posts: dict[object, asyncio.Task[None]] = {}

    async def open(self, inbox: Inbox) -> None:
        self._inbox = inbox
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        self._session = aiohttp.ClientSession(timeout=timeout)

    async def send(self, message: Message, headers: Mapping[str, str]) -> None:
        posting = asyncio.create_task(self._post(message, headers))
        key = message.get("id") if "method" in message else None
        key = posting if key is None else key
        self._posts[key] = posting
        posting.add_done_callback(lambda _: self._posts.pop(key, None))
        if key is posting:
            # What nobody answers must have arrived before the next message is sent.
            await posting

    async def abandon(self, request: int | str) -> None:
        if (posting := self._posts.get(request)) is not None:
            posting.cancel()

    async def close(self) -> None:
        for posting in [*self._posts.values()]:
            posting.cancel()
            with suppress(asyncio.CancelledError):
                await posting
        if self._session is not None:
            if self._id is not None:
                with suppress(aiohttp.ClientError, TimeoutError):
                    headers = {**self._headers, SESSION: self._id}
                    timeout = aiohttp.ClientTimeout(2)
                    await self._session.delete(self.url, headers=headers, timeout=timeout)
            await self._session.close()

    async def status_of(self, message: Message, headers: Mapping[str, str | None]) -> int:
        """The status of the answer to a message with other headers than the usual ones.

        Args:
            message: A request.
            headers: Beside or instead of the usual ones; None leaves one out.
        """
        assert self._session is not None
        usual: dict[str, str | None] = {
            **_ACCEPT,
            "Content-Type": "application/json",
            **self._headers,
            **headers,
        }
        sent = {name: value for name, value in usual.items() if value is not None}
        try:
            async with self._session.post(self.url, json=message, headers=sent) as answer:
                return answer.status
        except (aiohttp.ClientError, OSError):
            return 0

    async def _post(self, message: Message, headers: Mapping[str, str]) -> None:
        assert self._session is not None
        assert self._inbox is not None
        sent = {**_ACCEPT, "Content-Type": "application/json", **self._headers, **headers}
        if self._id is not None:
            sent[SESSION] = self._id
        body = clean(json.dumps(message, ensure_ascii=False)).encode()
        try:
            async with self._session.post(self.url, data=body, headers=sent) as answer:
                self._id = answer.headers.get(SESSION, self._id)
                await self._read(answer, message, self._inbox)
        except (aiohttp.ClientError, OSError) as error:
            self._inbox.refused(message, 0, f"{type(error).__name__}: {error}")

    async def _read(self, answer: aiohttp.ClientResponse, message: Message, inbox: Inbox) -> None:
        if answer.content_type == "text/event-stream" and answer.status == 200:
            await _read_events(answer, inbox)
            return
        raw = await _bounded(answer, inbox)
        if raw is None or (not raw and answer.status in (200, 202, 204)):
            return
        try:
            said: Any = json.loads(raw)
        except (ValueError, RecursionError):
            said = None
        if said is not None and b'"jsonrpc"' in raw:
            inbox.received(said)
        else:
            inbox.refused(message, answer.status, raw.decode("utf-8", "replace")[:_TEXT])


async def _read_events(answer: aiohttp.ClientResponse, inbox: Inbox) -> None:
    reader = SseReader()
    async for chunk in answer.content.iter_any():
        try:
            for event in reader.feed(chunk):
                _take(event.data, inbox)
        except ModelProtocolError:
            inbox.oversized(MAX_MESSAGE)
            return


def _take(data: bytes, inbox: Inbox) -> None:
    if not data.strip():
        return  # the first event of a stream that can be resumed has no data
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        inbox.stray(data.decode("utf-8", "replace"))
    else:
        inbox.received(message)


async def _bounded(answer: aiohttp.ClientResponse, inbox: Inbox) -> bytes | None:
    raw = bytearray()
    async for chunk in answer.content.iter_any():
        raw += chunk
        if len(raw) > MAX_MESSAGE:
            inbox.oversized(len(raw))
            return None
    return bytes(raw)


class HostedWire(HttpWire):
    """A process of this machine that serves HTTP on a port which its output tells."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        patience: float,
    ) -> None:
        super().__init__("")
        self._command = command
        self._env = env
        self._cwd = cwd
        self._patience = patience
        self._process: ServerProcess | None = None
        self._watching: asyncio.Task[None] | None = None

    async def open(self, inbox: Inbox) -> None:
        self._process = await ServerProcess.start(
            self._command, env=self._env, cwd=self._cwd, said=inbox.said
        )
        try:
            async with asyncio.timeout(self._patience):
                port = await _port(self._process, inbox)
        except TimeoutError:
            raise ServerTooSlow(
                f"The server did not serve HTTP within {self._patience:g} seconds.",
                hint="Its module may run something when it is imported.",
            ) from None
        self.url = f"http://127.0.0.1:{port}/mcp"
        self._watching = asyncio.create_task(_watch(self._process, inbox))
        await super().open(inbox)

    async def close(self) -> None:
        await super().close()
        if self._process is not None:
            await self._process.stop(reads_input=False)
        if self._watching is not None:
            self._watching.cancel()
            with suppress(asyncio.CancelledError):
                await self._watching


async def _port(process: ServerProcess, inbox: Inbox) -> int:
    while line := await process.output.readline():
        try:
            return int(json.loads(line)["port"])
        except (ValueError, KeyError, TypeError):
            inbox.said(line.decode("utf-8", "replace").rstrip())
    raise ServerUnavailable(
        f"The server did not start: {await process.ending()}.",
        hint="Start it by hand to see what it says.",
    )


async def _watch(process: ServerProcess, inbox: Inbox) -> None:
    while line := await process.output.readline():
        inbox.said(line.decode("utf-8", "replace").rstrip())
    inbox.ended(await process.ending())
