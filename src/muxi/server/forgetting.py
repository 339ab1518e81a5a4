"""Forgetting, looking for remains, and taking memory elsewhere. Part of the API.

Reports hold counts and ids, never what was forgotten.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field
from starlette.responses import Response

from muxi.core.forgetting import (
    Forget,
    Forgotten,
    Imported,
    MemorySize,
    Remains,
    RetentionReport,
)
from muxi.memory import fact_reading
from muxi.memory.transfer import Format
from muxi.runtime.conditions import Reading
from muxi.server import lines
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Raw, Strict
from muxi.server.owners import OwnerQuery, owner_of


class ToForget(Forget, extra="forbid"):
    """What to forget; exactly one kind of thing at a time."""

    dry_run: bool = False
    """Only count what would go."""


class ToVerify(Strict):
    ids: list[str] = Field(default_factory=list[str], max_length=1_000)
    """What should be gone."""
    texts: list[str] = Field(default_factory=list[str], max_length=100)
    """Words that should be nowhere any more."""
    everything: bool | None = None
    """Whether nothing of the owner should be left; so if neither ids nor texts are named."""


class ToRetain(Strict):
    dry_run: bool = True
    """Only count what would go."""


class ImportQuery(OwnerQuery):
    format: Format = "muxi"
    """`muxi`: an export. `mem0`: memories of mem0. `letta`: an agent file of Letta."""
    new_ids: bool = False
    """Give everything a new id, for a second copy beside what is there."""
    first_line: int = Field(1, ge=1)
    """Number of the first line, by which bad ones are named."""


class ImportBody(Raw):
    media_types: ClassVar[tuple[str, ...]] = (lines.MEDIA_TYPE, "application/json")


def memory_now(call: Call[Any, OwnerQuery]) -> Reading:
    return call.runtime.memories.reading(call.who, call.path["id"])


def fact_now(call: Call[Any, OwnerQuery]) -> Reading:
    return fact_reading.version(owner_of(call), call.path["id"])


async def delete_memory(call: Call[Nothing, OwnerQuery]) -> Response:
    return await _forget(call, Forget(memories=[call.path["id"]]))


async def delete_fact(call: Call[Nothing, OwnerQuery]) -> Response:
    return await _forget(call, Forget(facts=[call.path["id"]]))


async def _forget(call: Call[Nothing, OwnerQuery], what: Forget) -> Response:
    await call.runtime.forgetting.forget(call.who, owner_of(call), what)
    return Response(status_code=204)


async def forget_memories(call: Call[ToForget, OwnerQuery]) -> Forgotten:
    return await call.runtime.forgetting.forget(
        call.who,
        owner_of(call),
        Forget.model_validate(call.body.model_dump(exclude={"dry_run"})),
        dry_run=call.body.dry_run,
    )


async def verify_memories(call: Call[ToVerify, OwnerQuery]) -> Remains:
    asked = call.body
    return await call.runtime.forgetting.verify(
        call.who,
        owner_of(call),
        ids=asked.ids,
        texts=asked.texts,
        everything=asked.everything,
    )


async def retain_memories(call: Call[ToRetain, Nothing]) -> RetentionReport:
    return await call.runtime.forgetting.retention(call.who, dry_run=call.body.dry_run)


async def memory_size(call: Call[Nothing, OwnerQuery]) -> MemorySize:
    return await call.runtime.forgetting.stats(call.who, owner_of(call))


async def export_memories(call: Call[Nothing, OwnerQuery]) -> Response:
    return await lines.stream(call.runtime.memories.export(call.who, owner_of(call)))


async def import_memories(call: Call[ImportBody, ImportQuery]) -> Imported:
    query = call.query
    return await call.runtime.memories.take_in(
        call.who,
        owner_of(call),
        call.body.content.decode("utf-8", "replace").split("\n"),
        format=query.format,
        new_ids=query.new_ids,
        first_line=query.first_line,
    )


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/memories/export",
        summary="The whole memory as JSON lines",
        handler=export_memories,
        action="memories.read",
        resource=owner_of,
        query=OwnerQuery,
        media_type=lines.MEDIA_TYPE,
        tag="memories",
    ),
    Operation(
        method="POST",
        path="/api/memories/import",
        summary="Take in what was exported, here or from another program",
        handler=import_memories,
        action="memories.write",
        resource=owner_of,
        body=ImportBody,
        query=ImportQuery,
        answer=Imported,
        tag="memories",
    ),
    Operation(
        method="POST",
        path="/api/memories/forget",
        summary="Forget a memory, a thread, a span of time or everything",
        handler=forget_memories,
        action="memories.delete",
        resource=owner_of,
        query=OwnerQuery,
        body=ToForget,
        answer=Forgotten,
        tag="memories",
    ),
    Operation(
        method="POST",
        path="/api/memories/verify",
        summary="Look for remains of what was forgotten",
        handler=verify_memories,
        action="memories.read",
        resource=owner_of,
        query=OwnerQuery,
        body=ToVerify,
        answer=Remains,
        tag="memories",
    ),
    Operation(
        method="POST",
        path="/api/memories/retention",
        summary="What retention would remove in the whole project, or let it remove that now",
        handler=retain_memories,
        action="memories.retain",
        body=ToRetain,
        answer=RetentionReport,
        tag="memories",
    ),
    Operation(
        method="GET",
        path="/api/memories/size",
        summary="How much room the memory takes, and how much it may",
        handler=memory_size,
        action="memories.read",
        resource=owner_of,
        query=OwnerQuery,
        answer=MemorySize,
        tag="memories",
    ),
    Operation(
        method="DELETE",
        path="/api/memories/{id}",
        summary="Forget one memory",
        handler=delete_memory,
        action="memories.delete",
        resource=owner_of,
        query=OwnerQuery,
        status=204,
        current=memory_now,
        tag="memories",
    ),
    Operation(
        method="DELETE",
        path="/api/facts/{id}",
        summary="Forget one version of a fact",
        handler=delete_fact,
        action="facts.delete",
        resource=owner_of,
        query=OwnerQuery,
        status=204,
        current=fact_now,
        tag="facts",
    ),
)
