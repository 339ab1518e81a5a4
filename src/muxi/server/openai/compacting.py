"""`POST /v1/responses/compact`: a conversation in short, for a client that holds it itself.

It is written as the agent's own long threads are summarised, and stored nowhere.
"""

from __future__ import annotations

import time
from typing import Any, Literal

from pydantic import BaseModel

from muxi.core.errors import InvalidInput
from muxi.core.ids import new_id
from muxi.core.messages import Message
from muxi.core.usage import Usage
from muxi.server.openai.errors import problem
from muxi.server.openai.models import agent_of
from muxi.server.openai.references import referred_by
from muxi.server.openai.stored import end_of, find
from muxi.server.operations import AnyOperation, Call, Nothing, Operation
from muxi.wire.conversation import Conversation
from muxi.wire.responses.asked import converse
from muxi.wire.responses.body import CompactRequest
from muxi.wire.responses.compaction import compaction_of
from muxi.wire.responses.thread_items import told_of
from muxi.wire.responses.told import usage_of


class Compacted(BaseModel):
    """What users said, and in short all that was said."""

    id: str
    object: Literal["response.compaction"] = "response.compaction"
    created_at: int
    output: list[dict[str, Any]]
    usage: dict[str, Any]


async def compact(call: Call[CompactRequest, Nothing]) -> Compacted:
    body, runtime, who = call.body, call.runtime, call.who
    definition = (await agent_of(runtime, who, body.model)).definition
    await runtime.guard.require(call.caller, "agents.use", definition.name)
    said = await _said(call)
    if not said:
        raise InvalidInput("There is nothing to put in short.", param="input")
    settings = runtime.agents.compaction_of(definition)
    written = await runtime.runs.past.compactor.condense(who, definition.name, said, settings)
    asked = [message for message in said if message.role == "user"]
    items = [told.item for told in told_of(asked, lambda _message, _name: True)]
    return Compacted(
        id=new_id("resp"),
        created_at=int(time.time()),
        output=[*items, compaction_of(written.text)],
        usage=usage_of(written.usage or Usage()),
    )


async def _said(call: Call[CompactRequest, Nothing]) -> list[Message]:
    """The conversation so far, oldest first."""
    body, runtime, who = call.body, call.runtime, call.who
    before: list[Message] = []
    if body.previous_response_id is not None:
        found = await find(runtime, who, body.previous_response_id, param="previous_response_id")
        before = await runtime.transcripts.path(who, found.run, await end_of(runtime, who, found))
    conversation = Conversation()
    converse(conversation, body.items(), referred=await referred_by(runtime, who, body.items()))
    return [*before, *conversation.messages]


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/v1/responses/compact",
        summary="A conversation in short, to go on with in its place",
        handler=compact,
        action="runs.start",
        body=CompactRequest,
        answer=Compacted,
        problem=problem,
        tag="openai",
    ),
)
