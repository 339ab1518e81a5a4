"""What agents remember: listed, searched, put down, forgotten, taken elsewhere. Part of the API.

Each operation works on the memory of the user for whom the request is made. Where another owner can
be named, it is one whom this user may see: an agent, a team, the tenant.
"""

from __future__ import annotations

from datetime import datetime

from pydantic import Field, JsonValue

from muxi.core.memories import Memory, MemoryKind, MemoryStats, Recollection
from muxi.core.messages import Text
from muxi.core.pages import Page
from muxi.server.operations import AnyOperation, Call, Nothing, Operation
from muxi.server.owners import OwnerQuery, owner_of
from muxi.server.threads import PageQuery

LONGEST_QUESTION = 4_000
"""Characters; it stands in the address."""


class MemoryQuery(PageQuery, OwnerQuery):
    kind: MemoryKind | None = None
    thread_id: str | None = None


class SearchQuery(OwnerQuery):
    q: Text = Field(max_length=LONGEST_QUESTION)
    limit: int = Field(10, ge=1, le=100)


class NewMemory(OwnerQuery):
    text: Text
    said_at: datetime | None = None
    """When it was so; a date without a zone is taken as UTC."""
    speaker: str | None = Field(None, max_length=200)
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


async def list_memories(call: Call[Nothing, MemoryQuery]) -> Page[Memory]:
    query = call.query
    return await call.runtime.memories.page(
        call.who,
        owner_of(call),
        kind=query.kind,
        thread_id=query.thread_id,
        cursor=query.cursor,
        limit=query.limit,
    )


async def add_memory(call: Call[NewMemory, Nothing]) -> Memory:
    note = call.body
    return await call.runtime.memories.add(
        call.who,
        owner_of(call),
        note.text,
        said_at=note.said_at,
        speaker=note.speaker,
        metadata=note.metadata,
    )


async def search_memories(call: Call[Nothing, SearchQuery]) -> Recollection:
    query = call.query
    return await call.runtime.memories.search(call.who, owner_of(call), query.q, limit=query.limit)


async def memory_stats(call: Call[Nothing, OwnerQuery]) -> MemoryStats:
    return await call.runtime.remembering.stats(call.who, owner_of(call))


async def get_memory(call: Call[Nothing, Nothing]) -> Memory:
    return await call.runtime.memories.get(call.who, call.path["id"])


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/memories",
        summary="Memories, the newest first",
        handler=list_memories,
        action="memories.read",
        resource=owner_of,
        query=MemoryQuery,
        answer=Page[Memory],
        tag="memories",
    ),
    Operation(
        method="POST",
        path="/api/memories",
        summary="Put down a note to be remembered",
        handler=add_memory,
        action="memories.write",
        resource=owner_of,
        body=NewMemory,
        answer=Memory,
        status=201,
        tag="memories",
    ),
    Operation(
        method="GET",
        path="/api/memories/search",
        summary="The memories that answer a question best, and why",
        handler=search_memories,
        action="memories.read",
        resource=owner_of,
        query=SearchQuery,
        answer=Recollection,
        tag="memories",
    ),
    Operation(
        method="GET",
        path="/api/memories/stats",
        summary="How much is remembered, and whether it can all be found yet",
        handler=memory_stats,
        action="memories.read",
        resource=owner_of,
        query=OwnerQuery,
        answer=MemoryStats,
        tag="memories",
    ),
    Operation(
        method="GET",
        path="/api/memories/{id}",
        summary="One memory",
        handler=get_memory,
        action="memories.read",
        resource=owner_of,
        answer=Memory,
        tag="memories",
    ),
)
