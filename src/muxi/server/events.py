"""What happens in all threads that somebody sees, in the order in which it was stored.

Part of the API: for whoever keeps a copy or reacts to what agents do. Who watches one thread or run
follows that one.
"""

from __future__ import annotations

from pydantic import Field

from muxi.core.events import ThreadEvent
from muxi.core.pages import Page
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict


class FeedQuery(Strict):
    cursor: str | None = Field(None, max_length=500)
    """The `next` of the page before; the beginning if left out."""
    limit: int = Field(100, ge=1, le=500)
    """The most stored pieces, each of which holds some events."""


async def list_events(call: Call[Nothing, FeedQuery]) -> Page[ThreadEvent]:
    query = call.query
    return await call.runtime.streams.page(call.who, cursor=query.cursor, limit=query.limit)


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/events",
        summary="What happened in all your threads, as it was stored, without pieces of answers "
        "that messages hold whole; `next` is always there, to ask for what comes",
        handler=list_events,
        action="runs.read",
        query=FeedQuery,
        answer=Page[ThreadEvent],
        tag="runs",
    ),
)
