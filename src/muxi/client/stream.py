"""One run's or thread's events over SSE, across connections that break. Used by the client only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp

from muxi.client.backoff import Backoff
from muxi.client.connection import Regain
from muxi.core.errors import RateLimited, ServerUnavailable
from muxi.core.events import Event, RunCompleted, RunSuspended, parse_event
from muxi.wire.sse import SseReader

Opener = Callable[[int], AbstractAsyncContextManager[aiohttp.ClientResponse]]
"""Opens the stream for the events after a sequence number."""

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 2.0


async def follow(
    opener: Opener,
    *,
    since: int = 0,
    until_end: bool,
    patience: float = 30.0,
    regain: Regain | None = None,
) -> AsyncGenerator[Event]:
    """The events after `since`, each once and in order.

    A connection that breaks is opened again after the last event that was seen.

    Args:
        opener: Opens a connection.
        since: Sequence number of the last event that the caller has.
        until_end: Stop after the event that ends the run, or when it waits for a person.
        patience: Seconds without a connection after which to give up.
        regain: Finds another server in the place of one that is gone; its time does not count.

    Raises:
        ServerUnavailable: `patience` is over.
        RateLimited: The server wants to be asked later than `patience` allows.
        MuxiError: The server refused.
    """
    last = since
    backoff = Backoff(first=_FIRST_DELAY, longest=_LONGEST_DELAY)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    waiting = False
    while True:
        connected = False
        try:
            async with opener(last) as response:
                connected = True
                async for event in _events(response, last):
                    last = max(last, event.seq)
                    backoff.succeeded()
                    waiting = isinstance(event, RunSuspended)
                    yield event
                    if until_end and isinstance(event, RunCompleted):
                        return
            if until_end and waiting:
                # The server has nothing more to say until somebody decides. In the middle of a
                # replay it would have gone on.
                return
        except ServerUnavailable as error:
            if connected:
                # However long nothing was said, the server was there until now.
                deadline = loop.time() + patience
            elif loop.time() > deadline:
                raise
            deadline += await _regained(regain, error)
        except RateLimited as error:
            await asyncio.sleep(_rest(error, deadline - loop.time()))
        else:
            deadline = loop.time() + patience
        await asyncio.sleep(backoff.next())


async def _regained(regain: Regain | None, error: ServerUnavailable) -> float:
    """Find another server, if there is a way to; gives the seconds that this took."""
    loop = asyncio.get_running_loop()
    lost_at = loop.time()
    if regain is not None:
        await regain(error)
    return loop.time() - lost_at


def _rest(error: RateLimited, patience: float) -> float:
    """Seconds to wait, as all who lost a server come back at the same time; raises `error` if that
    is more than `patience`."""
    told = error.details.get("retry_after")
    rest = float(told) if isinstance(told, int | float) else 0.0
    if rest > patience:
        raise error
    return rest


async def _events(response: aiohttp.ClientResponse, last: int) -> AsyncGenerator[Event]:
    """The events of one connection, without those up to number `last` and without repetitions."""
    reader = SseReader()
    async for chunk in response.content.iter_any():
        for frame in reader.feed(chunk):
            event = parse_event(frame.data)
            if not 0 < event.seq <= last:
                last = max(last, event.seq)
                yield event
