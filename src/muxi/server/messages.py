"""Messages: one, or those of a thread in their order. Part of the API."""

from __future__ import annotations

from muxi.core.messages import Message
from muxi.core.pages import Page
from muxi.server.operations import AnyOperation, Call, Nothing, Operation
from muxi.server.paging import WholeQuery


async def list_messages(call: Call[Nothing, WholeQuery]) -> Page[Message]:
    query = call.query
    return await call.runtime.threads.page_of_messages(
        call.who, call.path["id"], cursor=query.cursor, limit=query.limit
    )


async def get_message(call: Call[Nothing, Nothing]) -> Message:
    return await call.runtime.threads.message(call.who, call.path["id"])


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/threads/{id}/messages",
        summary="The messages from the thread's root to its leaf, oldest first",
        handler=list_messages,
        action="threads.read",
        query=WholeQuery,
        answer=Page[Message],
        tag="threads",
    ),
    Operation(
        method="GET",
        path="/api/messages/{id}",
        summary="One message, of whatever branch of its thread",
        handler=get_message,
        action="threads.read",
        answer=Message,
        tag="threads",
    ),
)
