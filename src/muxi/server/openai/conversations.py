"""Conversations of OpenAI's API, `/v1/conversations`: threads, and their messages as items."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, JsonValue, StringConstraints

from muxi.core.errors import InvalidInput, NotFound
from muxi.core.messages import Message
from muxi.core.threads import Thread
from muxi.runtime.build import Runtime
from muxi.runtime.principal import Principal
from muxi.server.openai.errors import problem
from muxi.server.openai.item_lists import ItemList, ItemQuery, page_of, whole
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.wire.conversation import Conversation
from muxi.wire.responses.asked import converse
from muxi.wire.responses.body import MOST_METADATA, ApprovalItem, CompactionItem, ReferenceItem
from muxi.wire.responses.body import Item as AskedItem
from muxi.wire.responses.thread_items import Told, exchange_of, told_of

PREFIX, THREAD = "conv_", "thr_"
METADATA = "conversation"
"""Under which name a thread keeps the metadata of its conversation."""

_MOST_ITEMS = 20

Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(max_length=64)],
        Annotated[str, StringConstraints(max_length=512)],
    ],
    Field(max_length=MOST_METADATA),
]


class NewConversation(Strict):
    items: list[AskedItem] | None = Field(None, max_length=_MOST_ITEMS)
    metadata: Metadata | None = None


class ConversationChange(Strict):
    metadata: Metadata | None


class NewItems(Strict):
    items: list[AskedItem] = Field(min_length=1, max_length=_MOST_ITEMS)


class IncludeQuery(Strict):
    include: str | None = Field(None, alias="include[]")
    """Whatever is asked for: items are whole."""


class ConversationObject(BaseModel):
    """A thread, as OpenAI's API tells of it."""

    id: str
    object: Literal["conversation"] = "conversation"
    created_at: int
    metadata: dict[str, JsonValue]


class ConversationDeleted(BaseModel):
    id: str
    object: Literal["conversation.deleted"] = "conversation.deleted"
    deleted: bool = True


class AnyItem(BaseModel, extra="allow"):
    """An item of whatever type."""

    id: str
    type: str


async def thread_of(
    runtime: Runtime, who: Principal, conversation_id: str, *, param: str | None = None
) -> Thread:
    """The thread that a client calls its conversation. Raises `NotFound`."""
    missing = NotFound(f"There is no conversation {conversation_id[:100]}.", param=param)
    if not conversation_id.startswith(PREFIX):
        raise missing
    try:
        return await runtime.threads.get(who, THREAD + conversation_id.removeprefix(PREFIX))
    except NotFound:
        raise missing from None


def conversation_id(thread_id: str) -> str:
    """What a client calls a thread."""
    return PREFIX + thread_id.removeprefix(THREAD)


async def create_conversation(call: Call[NewConversation, Nothing]) -> ConversationObject:
    body = call.body
    thread = await call.runtime.threads.create(
        call.who,
        labels={METADATA: {**body.metadata}} if body.metadata else {},
        said=_said(body.items or ()),
    )
    return _object(thread)


async def get(call: Call[Nothing, Nothing]) -> ConversationObject:
    return _object(await _thread(call))


async def update(call: Call[ConversationChange, Nothing]) -> ConversationObject:
    thread = await _thread(call)
    labels: dict[str, JsonValue] = {METADATA: {**(call.body.metadata or {})}}
    return _object(await call.runtime.threads.label(call.who, thread.id, labels))


async def delete_conversation(call: Call[Nothing, Nothing]) -> ConversationDeleted:
    thread = await _thread(call)
    await call.runtime.threads.delete(call.who, thread.id)
    return ConversationDeleted(id=conversation_id(thread.id))


async def list_items(call: Call[Nothing, ItemQuery]) -> ItemList:
    thread = await _thread(call)
    messages = await call.runtime.threads.messages(call.who, thread.id)
    return page_of([told.item for told in await _told(call, thread, messages)], call.query)


async def create_items(call: Call[NewItems, IncludeQuery]) -> ItemList:
    thread, said = await _thread(call), _said(call.body.items)
    await call.runtime.threads.say(call.who, thread.id, said)
    return whole([told.item for told in await _told(call, thread, said)])


async def get_item(call: Call[Nothing, IncludeQuery]) -> AnyItem:
    told, _ = await _item(call, await _thread(call))
    return AnyItem.model_validate(told.item)


async def delete_item(call: Call[Nothing, Nothing]) -> ConversationObject:
    thread = await _thread(call)
    told, messages = await _item(call, thread)
    gone = exchange_of(told, messages)
    await call.runtime.threads.drop_messages(call.who, thread.id, gone)
    return _object(thread)


async def _thread(call: Call[Any, Any]) -> Thread:
    return await thread_of(call.runtime, call.who, call.path["id"])


async def _item(call: Call[Any, Any], thread: Thread) -> tuple[Told, list[Message]]:
    """The item that the path names, and all messages around it."""
    messages = await call.runtime.threads.messages(call.who, thread.id)
    wanted = call.path["item"]
    for told in await _told(call, thread, messages):
        if told.id == wanted:
            return told, messages
    raise NotFound(f"There is no item {wanted[:100]} in this conversation.")


async def _told(call: Call[Any, Any], thread: Thread, messages: Sequence[Message]) -> list[Told]:
    tools = await call.runtime.transcripts.tools_of_clients(call.who, thread.id)

    def is_clients(message: Message, name: str) -> bool:
        # What belongs to no run was told by a client.
        return message.run_id is None or name in tools.get(message.run_id, ())

    return told_of(messages, is_clients)


def _said(items: Sequence[AskedItem]) -> list[Message]:
    """Items as messages.

    Raises:
        InvalidInput: A thread cannot hold them.
    """
    conversation = Conversation()
    if any(isinstance(item, ApprovalItem | ReferenceItem | CompactionItem) for item in items):
        raise InvalidInput(
            "Answers to approval requests, references and compactions belong to a response.",
            param="items",
        )
    converse(conversation, items, at="items")
    if conversation.instructions:
        raise InvalidInput(
            "Instructions belong to a response: send them as its `instructions`.", param="items"
        )
    return conversation.messages


def _object(thread: Thread) -> ConversationObject:
    kept = thread.metadata.get(METADATA)
    return ConversationObject(
        id=conversation_id(thread.id),
        created_at=int(thread.created_at.timestamp()),
        metadata=kept if isinstance(kept, dict) else {},
    )


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/v1/conversations",
        summary="Begin a conversation, with what was said elsewhere",
        handler=create_conversation,
        action="threads.write",
        body=NewConversation,
        answer=ConversationObject,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/conversations/{id}",
        summary="One conversation",
        handler=get,
        action="threads.read",
        answer=ConversationObject,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="POST",
        path="/v1/conversations/{id}",
        summary="Change the metadata of a conversation",
        handler=update,
        action="threads.write",
        body=ConversationChange,
        answer=ConversationObject,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="DELETE",
        path="/v1/conversations/{id}",
        summary="Delete a conversation with its items and responses",
        handler=delete_conversation,
        action="threads.delete",
        answer=ConversationDeleted,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/conversations/{id}/items",
        summary="What was said in a conversation, as items",
        handler=list_items,
        action="threads.read",
        query=ItemQuery,
        answer=ItemList,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="POST",
        path="/v1/conversations/{id}/items",
        summary="Add items to the end of a conversation, which nobody answers",
        handler=create_items,
        action="threads.write",
        body=NewItems,
        query=IncludeQuery,
        answer=ItemList,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/conversations/{id}/items/{item}",
        summary="One item of a conversation",
        handler=get_item,
        action="threads.read",
        query=IncludeQuery,
        answer=AnyItem,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="DELETE",
        path="/v1/conversations/{id}/items/{item}",
        summary="Forget an item, with the answer or exchange that it is part of",
        handler=delete_item,
        action="threads.write",
        answer=ConversationObject,
        problem=problem,
        tag="openai",
    ),
)
