"""One run's or thread's events over SSE, across connections that break. Used by the client only."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp

from muxi.core.errors import ServerUnavailable
from muxi.core.events import Event, RunCompleted, RunSuspended, parse_event
from muxi.wire.sse import SseReader

Opener = Callable[[int], AbstractAsyncContextManager[aiohttp.ClientResponse]]
"""Opens the stream for the events after a sequence number."""

_FIRST_DELAY = 0.05
_LONGEST_DELAY = 2.0


async def follow(
    opener: Opener, *, since: int = 0, until_end: bool, patience: float = 30.0
) -> AsyncGenerator[Event]:
    """The events after `since`, each once and in order.

    A connection that breaks is opened again after the last event that was seen.

    Args:
        opener: Opens a connection.
        since: Sequence number of the last event that the caller has.
        until_end: Stop after the event that ends the run, or when it waits for a person.
        patience: Seconds without any event or connection after which to give up.

    Raises:
        ServerUnavailable: `patience` is over.
        MuxiError: The server refused.
    """
    last = since
    delay = _FIRST_DELAY
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    waiting = False
    while True:
        try:
            async with opener(last) as response:
                deadline = loop.time() + patience
                async for event in _events(response):
                    if 0 < event.seq <= last:
                        continue
                    last = max(last, event.seq)
                    delay = _FIRST_DELAY
                    deadline = loop.time() + patience
                    waiting = isinstance(event, RunSuspended)
                    yield event
                    if until_end and isinstance(event, RunCompleted):
                        return
            if until_end and waiting:
                # The server has nothing more to say until somebody decides. In the middle of a
                # replay it would have gone on.
                return
        except ServerUnavailable:
            if loop.time() + delay > deadline:
                raise
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_DELAY)


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[Event]:
    reader = SseReader()
    async for chunk in response.content.iter_any():
        for frame in reader.feed(chunk):
            yield parse_event(frame.data)
