"""Server-sent events over ASGI: frames that were encoded once are written as they are, or said by a
voice in the words of another protocol.

Called by the dispatcher. A client that goes away ends its subscription and nothing else: the run
is driven by the runtime.
"""

from __future__ import annotations

import asyncio

from starlette.types import Receive, Send

from muxi.runtime.feed import Feed
from muxi.runtime.frames import PING
from muxi.server.operations import EventStream, Voice

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
        if answer.voice is None:
            await _send_as_they_are(feed, send)
        else:
            await _send_said(feed, answer.voice, send)
    finally:
        timer.cancel()
        for watcher in watchers:
            watcher.cancel()
        feed.close()


async def _send_as_they_are(feed: Feed, send: Send) -> None:
    while (frames := await feed.next()) is not None:
        # The end goes with the last frames, which saves a packet.
        more = not feed.over
        body = b"".join([frame.sse for frame in frames]) or PING
        await _send_body(send, body, more=more)
        if not more:
            return
    await _send_body(send, b"", more=False)


async def _send_said(feed: Feed, voice: Voice, send: Send) -> None:
    await _send_body(send, await voice.begin(), more=True)
    while (frames := await feed.next()) is not None:
        body = await voice.say([frame.event for frame in frames]) if frames else PING
        if feed.over:
            await _send_body(send, body + await voice.end(), more=False)
            return
        if body:
            await _send_body(send, body, more=True)
    await _send_body(send, await voice.end(), more=False)


async def _send_body(send: Send, body: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _close_when_gone(feed: Feed, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    feed.close()
