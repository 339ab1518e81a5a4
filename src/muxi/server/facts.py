"""What is known of users and of the world: read and written by path and by date. Part of the API.

Facts bear paths, such as `location.city`, so a path is asked for in the query and not in the
address. Whose facts are meant is as in `memories`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, JsonValue

from muxi.core.facts import USER, Fact, FactInput, FactsChanged, Subject
from muxi.core.pages import Page
from muxi.memory import fact_reading
from muxi.memory.facts import Telling
from muxi.runtime.conditions import LockedReading, Reading
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.owners import OwnerQuery, owner_of

MOST_IN_A_TREE = 100_000
"""Facts of one answer as nested JSON; more come as a list, in pages."""


class Where(OwnerQuery):
    subject: str = USER
    path: str = ""
    """Dotted, such as `location.city`; the empty path is the whole of the subject."""


class WhatToDelete(OwnerQuery):
    subject: str = USER
    path: str
    """The empty path is all of the subject."""


class TreeQuery(Where):
    as_of: datetime | str | None = None
    """An instant, without a zone taken as UTC; now if it is left out."""


class ListQuery(OwnerQuery):
    subject: str | None = None
    """Of whom or what; all subjects if it is left out."""
    path: str = ""
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=500)


class HoldingQuery(ListQuery):
    as_of: datetime | str | None = None
    """An instant, without a zone taken as UTC; now if it is left out."""


class SubjectQuery(OwnerQuery):
    cursor: str | None = None
    limit: int = Field(50, ge=1, le=500)


class Told(Strict):
    """Since when something holds, and who says so."""

    valid_from: datetime | str | None = None
    """From now on if it is left out; a date without a zone is taken as UTC."""
    valid_to: datetime | str | None = None
    source_message_id: str | None = None
    source_memory_id: str | None = None
    confidence: float = Field(1.0, ge=0, le=1)

    def telling(self) -> Telling:
        """The same for the store."""
        return Telling(
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            source_message_id=self.source_message_id,
            source_memory_id=self.source_memory_id,
            confidence=self.confidence,
        )


class FactValue(Told):
    value: JsonValue


class ManyFacts(Strict):
    facts: list[FactInput]


class FactTree(BaseModel):
    """What holds at a path, as nested JSON."""

    subject: str
    path: str
    value: JsonValue


async def get_fact_tree(call: Call[Nothing, TreeQuery]) -> FactTree:
    query = call.query
    value = await call.runtime.facts.tree(
        call.who,
        owner_of(call),
        path=query.path,
        subject=query.subject,
        as_of=query.as_of,
        most=MOST_IN_A_TREE,
    )
    return FactTree(subject=query.subject, path=query.path, value=value)


async def list_facts(call: Call[Nothing, HoldingQuery]) -> Page[Fact]:
    query = call.query
    return await call.runtime.facts.page(
        call.who,
        owner_of(call),
        subject=query.subject,
        path=query.path,
        as_of=query.as_of,
        cursor=query.cursor,
        limit=query.limit,
    )


async def list_fact_history(call: Call[Nothing, ListQuery]) -> Page[Fact]:
    query = call.query
    return await call.runtime.facts.history(
        call.who,
        owner_of(call),
        subject=query.subject,
        path=query.path,
        cursor=query.cursor,
        limit=query.limit,
    )


async def list_subjects(call: Call[Nothing, SubjectQuery]) -> Page[Subject]:
    query = call.query
    return await call.runtime.facts.subjects(
        call.who, owner_of(call), cursor=query.cursor, limit=query.limit
    )


def facts_now(call: Call[Any, Where] | Call[Any, WhatToDelete]) -> Reading:
    """The first page of the list at the address of the call."""
    query, owner = call.query, owner_of(call)
    # Left out, a change is about the user, and the list is of all subjects.
    subject = query.subject if "subject" in query.model_fields_set else None
    read = fact_reading.page(owner, subject=subject, path=query.path)
    return LockedReading(fact_reading.lock(owner), read)


async def put_fact(call: Call[FactValue, Where]) -> FactsChanged:
    query = call.query
    return await call.runtime.facts.put(
        call.who,
        owner_of(call),
        query.path,
        call.body.value,
        subject=query.subject,
        telling=call.body.telling(),
    )


async def patch_facts(call: Call[FactValue, Where]) -> FactsChanged:
    query = call.query
    return await call.runtime.facts.patch(
        call.who,
        owner_of(call),
        call.body.value,
        path=query.path,
        subject=query.subject,
        telling=call.body.telling(),
    )


async def end_facts(call: Call[Told, Where]) -> FactsChanged:
    query = call.query
    return await call.runtime.facts.end(
        call.who,
        owner_of(call),
        query.path,
        subject=query.subject,
        telling=call.body.telling(),
    )


async def load_facts(call: Call[ManyFacts, OwnerQuery]) -> FactsChanged:
    owner = owner_of(call)
    return await call.runtime.facts.load(call.who, owner, call.body.facts)


async def delete_facts(call: Call[Nothing, WhatToDelete]) -> FactsChanged:
    query = call.query
    return await call.runtime.facts.delete_path(
        call.who, owner_of(call), query.path, subject=query.subject
    )


async def get_fact(call: Call[Nothing, OwnerQuery]) -> Fact:
    owner = owner_of(call)
    return await call.runtime.facts.version(call.who, owner, call.path["id"])


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/facts",
        summary="Facts that hold, or held at a time, by subject and path",
        handler=list_facts,
        action="facts.read",
        resource=owner_of,
        query=HoldingQuery,
        answer=Page[Fact],
        tag="facts",
    ),
    Operation(
        method="GET",
        path="/api/facts/tree",
        summary="What holds, or held at a time, as nested JSON",
        handler=get_fact_tree,
        action="facts.read",
        resource=owner_of,
        query=TreeQuery,
        answer=FactTree,
        tag="facts",
    ),
    Operation(
        method="GET",
        path="/api/facts/history",
        summary="All versions of facts, those that hold no longer too, the earliest first",
        handler=list_fact_history,
        action="facts.read",
        resource=owner_of,
        query=ListQuery,
        answer=Page[Fact],
        tag="facts",
    ),
    Operation(
        method="GET",
        path="/api/facts/subjects",
        summary="Of whom and what anything is known",
        handler=list_subjects,
        action="facts.read",
        resource=owner_of,
        query=SubjectQuery,
        answer=Page[Subject],
        tag="facts",
    ),
    Operation(
        method="PUT",
        path="/api/facts",
        summary="Let a value hold at a path, in place of what held there and below",
        handler=put_fact,
        action="facts.write",
        resource=owner_of,
        body=FactValue,
        query=Where,
        answer=FactsChanged,
        current=facts_now,
        tag="facts",
    ),
    Operation(
        method="PATCH",
        path="/api/facts",
        summary="Merge a value into what holds at a path (RFC 7396); what is null in it ends",
        handler=patch_facts,
        action="facts.write",
        resource=owner_of,
        body=FactValue,
        query=Where,
        answer=FactsChanged,
        current=facts_now,
        tag="facts",
    ),
    Operation(
        method="POST",
        path="/api/facts/end",
        summary="Let what holds at a path and below it hold no longer; its past stays",
        handler=end_facts,
        action="facts.write",
        resource=owner_of,
        body=Told,
        query=Where,
        answer=FactsChanged,
        tag="facts",
    ),
    Operation(
        method="POST",
        path="/api/facts",
        summary="Tell many facts at once; those before one that cannot be used are stored",
        handler=load_facts,
        action="facts.write",
        resource=owner_of,
        body=ManyFacts,
        query=OwnerQuery,
        answer=FactsChanged,
        tag="facts",
    ),
    Operation(
        method="DELETE",
        path="/api/facts",
        summary="Delete for good what is, and ever was, known at a path and below it",
        handler=delete_facts,
        action="facts.delete",
        resource=owner_of,
        query=WhatToDelete,
        answer=FactsChanged,
        current=facts_now,
        tag="facts",
    ),
    Operation(
        method="GET",
        path="/api/facts/{id}",
        summary="One version of a fact",
        handler=get_fact,
        action="facts.read",
        resource=owner_of,
        query=OwnerQuery,
        answer=Fact,
        tag="facts",
    ),
)
