"""Server-sent events over ASGI: frames that were encoded once are written as they are.

Called by the dispatcher. A client that goes away ends its subscription and nothing else: the run
is driven by the runtime.
"""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Send

from muxi.runtime.feed import Feed
from muxi.runtime.frames import PING
from muxi.server.operations import EventStream

_WATCH_AFTER = 0.5
"""Seconds after which a stream begins to look out for the client's leaving."""

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
)


async def send_events(answer: EventStream, receive: Receive, send: Send) -> None:
    """Write the feed until it ends or the client is gone."""
    feed = answer.feed
    watchers: list[asyncio.Task[None]] = []

    def watch() -> None:
        watchers.append(asyncio.create_task(_close_when_gone(feed, receive)))

    # Most answers are over before it would matter that somebody has left.
    timer = asyncio.get_running_loop().call_later(_WATCH_AFTER, watch)
    try:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [*_HEADERS, *answer.headers],
            }
        )
        while (frames := await feed.next()) is not None:
            # The end goes with the last frames, which saves a packet.
            more = not feed.over
            body = b"".join([frame.sse for frame in frames]) or PING
            await send({"type": "http.response.body", "body": body, "more_body": more})
            if not more:
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()
        feed.close()


async def _close_when_gone(feed: Feed, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    feed.close()
