"""Threads and their events. Part of the API."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from starlette.responses import Response

from muxi.core.messages import Text
from muxi.core.pages import Page
from muxi.core.threads import Thread
from muxi.runtime.conditions import Reading
from muxi.server.operations import (
    AnyOperation,
    Call,
    EventStream,
    Nothing,
    Operation,
    Strict,
)
from muxi.server.shown import shown_as


class NewThread(Strict):
    title: Text | None = Field(None, max_length=500)
    agent: str | None = None
    """The agent that answers when a run names none."""


class ThreadChange(Strict):
    title: Text | None = Field(max_length=500)


class PageQuery(Strict):
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=500)


class SinceQuery(Strict):
    since: int = Field(0, ge=0)
    """Number of the last event that the reader has; the header `Last-Event-ID` goes before it."""


async def create_thread(call: Call[NewThread, Nothing]) -> Thread:
    return await call.runtime.threads.create(call.who, title=call.body.title, agent=call.body.agent)


async def list_threads(call: Call[Nothing, PageQuery]) -> Page[Thread]:
    return await call.runtime.threads.page(
        call.who, cursor=call.query.cursor, limit=call.query.limit
    )


async def get_thread(call: Call[Nothing, Nothing]) -> Thread:
    return await call.runtime.threads.get(call.who, call.path["id"])


async def change_thread(call: Call[ThreadChange, Nothing]) -> Thread:
    return await call.runtime.threads.rename(call.who, call.path["id"], call.body.title)


async def delete_thread(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.threads.delete(call.who, call.path["id"])
    return Response(status_code=204)


def thread_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.threads.reading(call.path["id"])


async def thread_events(call: Call[Nothing, SinceQuery]) -> EventStream:
    thread = await call.runtime.threads.get(call.who, call.path["id"])
    feed = call.runtime.streams.follow_thread(call.who, thread.id, since=since_of(call))
    return EventStream(feed)


def since_of(call: Call[Nothing, SinceQuery]) -> int:
    """Where a reader of events goes on: what the browser says after a break, or the query."""
    last = call.headers.get(b"last-event-id", b"")
    return int(last) if last.isdigit() and len(last) < 20 else call.query.since


async def get_blob(call: Call[Nothing, Nothing]) -> Response:
    blob, data = await call.runtime.blobs.get(call.who, call.path["hash"])
    media_type, headers = shown_as(blob.media_type)
    headers["etag"] = f'"{blob.hash}"'
    return Response(data, 200, headers, media_type)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/api/threads",
        summary="Begin a thread",
        handler=create_thread,
        action="threads.write",
        body=NewThread,
        answer=Thread,
        status=201,
        tag="threads",
    ),
    Operation(
        method="GET",
        path="/api/threads",
        summary="Threads, the latest active first",
        handler=list_threads,
        action="threads.read",
        query=PageQuery,
        answer=Page[Thread],
        tag="threads",
    ),
    Operation(
        method="GET",
        path="/api/threads/{id}",
        summary="One thread",
        handler=get_thread,
        action="threads.read",
        answer=Thread,
        tag="threads",
    ),
    Operation(
        method="PATCH",
        path="/api/threads/{id}",
        summary="Rename a thread",
        handler=change_thread,
        current=thread_now,
        action="threads.write",
        body=ThreadChange,
        answer=Thread,
        tag="threads",
    ),
    Operation(
        method="DELETE",
        path="/api/threads/{id}",
        summary="Delete a thread with all that belongs to it",
        handler=delete_thread,
        current=thread_now,
        action="threads.delete",
        status=204,
        tag="threads",
    ),
    Operation(
        method="GET",
        path="/api/blobs/{hash}",
        summary="The bytes that a part of a message refers to as its blob",
        handler=get_blob,
        action="threads.read",
        media_type="*/*",
        tag="threads",
    ),
    Operation(
        method="GET",
        path="/api/threads/{id}/events",
        summary="The events of all runs of a thread, without end",
        handler=thread_events,
        action="threads.read",
        query=SinceQuery,
        events=True,
        tag="threads",
    ),
)
