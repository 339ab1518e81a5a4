"""Carries messages of MCP between a client at our own streams and the owner of the project.

Used by `mcp_serve`. When the owner ends, it goes on with the next one: the handshake of the older
era is repeated there, and calls that were not answered are answered with an error, since nobody
knows how far they came.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress

import msgspec

from muxi.client.client import Client
from muxi.core.errors import ServerUnavailable

MAX_MESSAGE = 4 << 20
"""Bytes of the longest message; the server takes none that is longer."""

_LAST_ANSWERS = 5.0
"""Seconds for answers that are still to come when the client has said its last word."""

_INTERNAL = -32603
_TOO_LONG = (
    b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"The message is too long."}}\n'
)


class _Params(msgspec.Struct, rename="camel"):
    """What is looked at of a message's parameters."""

    request_id: int | str | None = None


class _Head(msgspec.Struct):
    """What a message is about."""

    id: int | str | None = None
    method: str | None = None
    params: _Params | None = None


_HEAD = msgspec.json.Decoder(_Head)


class Bridge:
    """One client and whoever owns the project.

    Args:
        client: Speaks with the owner, and finds the next one.
        incoming: What the MCP client says, in blocks of any size.
        write: Hands a message to the MCP client.
    """

    def __init__(
        self,
        client: Client,
        incoming: AsyncIterator[bytes],
        write: Callable[[bytes], Awaitable[None]],
    ) -> None:
        self._client = client
        self._incoming = incoming
        self._write = write
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=64)
        self._handshake: list[bytes] = []
        self._repeated: int | str | None = None
        """Id of the handshake that was repeated, whose answer the client has already."""
        self._open: dict[int | str, None] = {}
        """Requests that wait for an answer."""
        self._answered = asyncio.Event()
        """Set when none does."""
        self._over = False

    async def run(self) -> None:
        """Return when the client has nothing more to say and has got its answers.

        Raises:
            OSError: The client reads no more.
            MuxiError: There is no owner any more, and this process cannot become it.
        """
        reader = asyncio.create_task(self._read())
        try:
            while True:
                try:
                    await self._converse()
                except ServerUnavailable as error:
                    await self._answer_for_the_dead(error)
                    # Asking for anything finds the next owner, or becomes it.
                    await self._client.status()
                if self._over:
                    return
        finally:
            reader.cancel()
            await asyncio.wait([reader])

    async def _read(self) -> None:
        """Cut what comes in into messages."""
        rest = bytearray()
        async for block in self._incoming:
            rest += block
            *lines, last = rest.split(b"\n")
            rest = bytearray(last)
            for line in lines:
                await self._take(bytes(line))
            if len(rest) > MAX_MESSAGE:
                await self._write(_TOO_LONG)
                break
        else:
            if rest:
                await self._take(bytes(rest))
        await self._lines.put(None)

    async def _take(self, line: bytes) -> None:
        if len(line) > MAX_MESSAGE:
            await self._write(_TOO_LONG)
        elif line.strip():
            await self._lines.put(line + b"\n")

    async def _converse(self) -> None:
        async with aclosing(self._client.converse(self._said())) as answers:
            async for line in answers:
                head = _head(line)
                if head.id is not None and head.method is None:
                    self._close(head.id)
                    if head.id == self._repeated:
                        self._repeated = None
                        continue
                await self._write(line)

    async def _said(self) -> AsyncGenerator[bytes]:
        """What is said to one owner, beginning with the handshake that an earlier one has heard."""
        if self._handshake:
            self._repeated = _head(self._handshake[0]).id
        for line in self._handshake:
            yield line
        while (line := await self._lines.get()) is not None:
            head = _head(line)
            if head.method in ("initialize", "notifications/initialized"):
                self._handshake.append(line)
            if head.method is not None and head.id is not None:
                self._open[head.id] = None
                self._answered.clear()
            elif head.method == "notifications/cancelled" and head.params is not None:
                # What is cancelled gets no answer.
                self._close(head.params.request_id)
            yield line
        self._over = True
        if self._open:
            with suppress(TimeoutError):
                async with asyncio.timeout(_LAST_ANSWERS):
                    await self._answered.wait()

    def _close(self, number: int | str | None) -> None:
        """No answer is waited for any more."""
        if number is not None:
            self._open.pop(number, None)
        if not self._open:
            self._answered.set()

    async def _answer_for_the_dead(self, error: ServerUnavailable) -> None:
        words = f"The process that owned the project has ended: {error.message}"
        for number in self._open:
            answer = {
                "jsonrpc": "2.0",
                "id": number,
                "error": {"code": _INTERNAL, "message": words},
            }
            await self._write(msgspec.json.encode(answer) + b"\n")
        self._open.clear()


def _head(line: bytes) -> _Head:
    try:
        return _HEAD.decode(line)
    except msgspec.DecodeError:
        # The owner says what is wrong with it.
        return _Head()
