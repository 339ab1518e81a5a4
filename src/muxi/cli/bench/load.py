"""Turns as load on a server, with as little work of its own as possible. Used by `measures`.

It shares the machine with what it measures, so it speaks just enough HTTP.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, field
from typing import Final

from muxi.cli.bench.processes import Server
from muxi.cli.bench.talks import FRESH

_END: Final = b"\r\n0\r\n\r\n"
_TAIL: Final = 8192
"""Bytes of an answer's end that are looked at."""


@dataclass(slots=True)
class Turns:
    """What a load of turns has found."""

    walls: list[float] = field(default_factory=list[float])
    """Seconds of each turn."""
    firsts: list[float] = field(default_factory=list[float])
    """Seconds to the first word of each."""
    delays: list[float] = field(default_factory=list[float])
    """Seconds from a word at the provider to the word here."""
    events: int = 0
    """Pieces of text; a piece may hold several words."""
    failed: int = 0


class Caller(asyncio.Protocol):
    """One keep-alive connection that begins turns and reads them to their end.

    Args:
        server: Who is asked.
        agent: Which agent.
        address: Where it comes from; by default as the system chooses.
    """

    def __init__(self, server: Server, agent: str, *, address: str | None = None) -> None:
        self._server = server
        self._address = None if address is None else (address, 0)
        talk = server.talk
        body = talk.body.replace("{agent}", agent).encode()
        credential = f"Authorization: Bearer {server.token}\r\n" if server.token else ""
        head = (
            f"POST {talk.path.replace('{agent}', agent)} HTTP/1.1\r\n"
            f"Host: {server.host}:{server.port}\r\n{credential}Content-Type: {talk.form}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self._transport: asyncio.Transport | None = None
        self._found = Turns()
        self._started = 0.0
        self._fresh = False
        self._data = b""
        self._end: asyncio.Future[bytes] | None = None

    async def turn(self, found: Turns) -> None:
        """One run, from its request to its end."""
        loop = asyncio.get_running_loop()
        self._found, self._fresh, self._data = found, True, b""
        self._started = time.perf_counter()
        self._end = loop.create_future()
        try:
            if self._transport is None:
                await loop.create_connection(
                    lambda: self, self._server.host, self._server.port, local_addr=self._address
                )
            assert self._transport is not None
            self._transport.write(self._request.replace(FRESH, uuid.uuid4().hex.encode()))
            data = await self._end
        except OSError:
            self.close()
            found.failed += 1
            return
        found.failed += self._server.talk.completed not in data
        found.walls.append(time.perf_counter() - self._started)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._end is not None and not self._end.done():
            self._end.set_exception(ConnectionError("The server cut the connection."))

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        found = self._found
        for said in self._server.talk.said.findall(data):
            found.events += 1
            found.delays += [(now - int(word)) / 1e9 for word in said.split()]
            if self._fresh:
                found.firsts.append(time.perf_counter() - self._started)
                self._fresh = False
        # The end is all that is looked for.
        self._data = data = self._data[-_TAIL:] + data
        whole = data.endswith(_END) or (b"content-length" in data and _is_whole(data))
        if whole and self._end is not None and not self._end.done():
            self._end.set_result(data)

    def close(self) -> None:
        """End the connection."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None


def _is_whole(data: bytes) -> bool:
    """Whether an answer that is no stream, as errors are, has come to its end."""
    head, separator, body = data.lower().partition(b"\r\n\r\n")
    _, found, length = head.partition(b"content-length:")
    return bool(separator and found) and len(body) >= int(length.split(b"\r\n", 1)[0])


async def turns(
    server: Server,
    agent: str,
    *,
    at_once: int,
    seconds: float,
    patience: float = 60.0,
    over: float = 0.0,
) -> Turns:
    """So many callers, one turn after the other, for a time.

    Args:
        server: Whose turns.
        agent: Which agent.
        at_once: How many callers.
        seconds: After which no turn is begun any more.
        patience: Seconds after that in which turns under way may end; else they have failed.
        over: Seconds over which the callers come, instead of all at once.
    """
    found = Turns()
    end = time.perf_counter() + seconds

    async def work(number: int) -> None:
        await asyncio.sleep(over * number / at_once)
        caller = Caller(server, agent)
        try:
            while time.perf_counter() < end:
                await caller.turn(found)
        finally:
            caller.close()

    tasks = [asyncio.create_task(work(number)) for number in range(at_once)]
    _, late = await asyncio.wait(tasks, timeout=seconds + patience)
    for task in late:
        task.cancel()
    found.failed += len(late)
    for task in tasks:
        if task not in late:
            task.result()
    await asyncio.gather(*late, return_exceptions=True)
    return found


def at(values: list[float], share: float) -> float:
    """The value below which that share of them lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
