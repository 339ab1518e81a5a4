"""The chat API of the AI SDK: what `useChat` posts, and the stream that it resumes.

A chat is a thread and an answer is a run, under whose id the front end keeps it. Part of the API.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.responses import Response

from muxi.core.errors import InvalidInput
from muxi.core.events import Approval, ApprovalDecision, Event
from muxi.core.messages import ToolResultPart
from muxi.core.requests import ToolSpec
from muxi.core.terms import Terms
from muxi.core.threads import Run
from muxi.runtime.conversations import Place
from muxi.runtime.feed import Feed
from muxi.runtime.requests import ClientRequest
from muxi.server.operations import AnyOperation, Call, EventStream, Nothing, Operation
from muxi.server.problems import invalid
from muxi.wire.aisdk.messages import (
    decision_of,
    history_of,
    input_of,
    result_of,
    ui_messages,
)
from muxi.wire.aisdk.request import ChatRequest, UiMessage, UiPart
from muxi.wire.aisdk.stream import UiNarration
from muxi.wire.narration import spelt

_DOOR = "ai-sdk"
_PROTOCOL = (b"x-vercel-ai-ui-message-stream", b"v1")
_DONE = b"data: [DONE]\n\n"


class UiMessages(BaseModel):
    """A chat as `useChat` takes it for `messages`."""

    messages: list[dict[str, Any]]


@dataclass(slots=True)
class UiVoice:
    """Implements `Voice`."""

    narration: UiNarration

    async def begin(self) -> bytes:
        """See `Voice`."""
        return spelt([self.narration.begin()])

    async def say(self, events: Sequence[Event]) -> bytes:
        """See `Voice`."""
        return spelt([frame for event in events for frame in self.narration.tell(event)])

    async def end(self) -> bytes:
        """See `Voice`."""
        return spelt(self.narration.finish()) + _DONE


async def post_chat(call: Call[ChatRequest, Nothing]) -> EventStream:
    """Say something, say it anew, or answer what a run waits for."""
    try:
        return await _post(call)
    except ValidationError as error:
        raise invalid(error) from None


async def _post(call: Call[ChatRequest, Nothing]) -> EventStream:
    *before, last = call.body.messages
    said = last if last.role == "user" else None
    place = await call.runtime.conversations.find(
        call.who,
        call.body.id,
        door=_DOOR,
        said=said and said.id,
        after=[message.id for message in reversed(before)],
    )
    if said is not None:
        return await _start(call, place, said, before)
    if place.new or last.role != "assistant":
        raise InvalidInput("Say something: the last message is no user's.")
    return await _go_on(call, place, last)


async def resume_chat(call: Call[Nothing, Nothing]) -> EventStream | Response:
    """What is being answered, from its beginning; no content if nothing is."""
    place = await call.runtime.conversations.find(call.who, call.path["id"], door=_DOOR)
    if place.run_id is None or place.status == "waiting":
        return Response(status_code=204)
    run = await call.runtime.runs.get(call.who, place.run_id)
    return _told(run, await call.runtime.streams.follow_run(call.who, run.id))


async def get_chat(call: Call[Nothing, Nothing]) -> UiMessages:
    """The messages of a chat; none of one that nobody has begun."""
    runtime = call.runtime
    place = await runtime.conversations.find(call.who, call.path["id"], door=_DOOR)
    if place.new:
        return UiMessages(messages=[])
    messages = await runtime.threads.messages(call.who, place.thread_id)
    waits = place.run_id is not None and place.status == "waiting"
    asked = await runtime.conversations.asked(call.who, place.run_id or "") if waits else []
    return UiMessages(messages=ui_messages(messages, asked))


async def _start(
    call: Call[ChatRequest, Nothing],
    place: Place,
    said: UiMessage,
    before: Sequence[UiMessage],
) -> EventStream:
    asked, runtime = call.body, call.runtime
    if place.status == "waiting" and place.run_id is not None:
        open_ = await runtime.conversations.asked(call.who, place.run_id)
        if all(each.of_client for each in open_):
            # Nobody makes those calls any more: the user has gone on.
            await runtime.runs.cancel(call.who, place.run_id)
    request = ClientRequest(
        input=input_of(said),
        history=history_of(before) if place.new else [],
        client_id=said.id,
        begins=runtime.conversations.begins(place, asked.id),
        agent=asked.agent,
        thread_id=None if place.new else place.thread_id,
        parent_id=place.parent_id,
        terms=_terms(asked),
    )
    return _told(*await call.start_and_follow(request))


async def _go_on(call: Call[ChatRequest, Nothing], place: Place, last: UiMessage) -> EventStream:
    """Answer what a run waits for: with leave, with an answer, with the result of a call."""
    run = await call.runtime.runs.get(call.who, last.id)
    if run.thread_id != place.thread_id:
        raise InvalidInput("The last message belongs to another chat.")
    parts = [part for part in last.parts if part.tool is not None]
    open_ = await call.runtime.conversations.asked(call.who, run.id)
    decisions, results = _answers(parts, open_)
    decisions = {
        asked_id: decision.model_copy(update={"by": call.who.principal})
        for asked_id, decision in {**_repeated(parts, open_), **decisions}.items()
    }
    if not decisions and not results:
        raise InvalidInput(
            "There is nothing to answer: no call in the last message has a result or leave that "
            "its run waits for.",
            hint="Send a message of the user, or resume the stream of the chat.",
        )
    told, feed = await call.runtime.conversations.answer(
        call.who, run.id, decisions=decisions, results=results, terms=_terms(call.body)
    )
    answered = {*decisions, *(each.call_id for each in results)}
    return _told(run, feed, before=told, answered=answered)


def _answers(
    parts: Sequence[UiPart], open_: Sequence[Approval]
) -> tuple[dict[str, ApprovalDecision], list[ToolResultPart]]:
    """What the parts say to open questions: decisions of a person, and results of calls."""
    by_call = {part.tool_call_id: part for part in parts}
    decisions: dict[str, ApprovalDecision] = {}
    results: list[ToolResultPart] = []
    for approval in open_:
        part = by_call.get(approval.call_id or approval.id)
        if part is None:
            continue
        if approval.of_client:
            result = result_of(part)
            results.extend([] if result is None else [result])
        elif (decision := decision_of(part, approval)) is not None:
            decisions[approval.id] = decision
    return decisions, results


def _repeated(parts: Sequence[UiPart], open_: Sequence[Approval]) -> dict[str, ApprovalDecision]:
    """Leave that the parts give and that nobody waits for any more: it was sent before."""
    waiting = {each.id for each in open_}
    found: dict[str, ApprovalDecision] = {}
    for part in parts:
        said = part.approval
        if part.state == "approval-responded" and said is not None and said.id not in waiting:
            kind = "approve" if said.approved else "deny"
            found[said.id] = ApprovalDecision(decision=kind, reason=said.reason or None)
    return found


def _told(
    run: Run, feed: Feed, *, before: Sequence[Event] = (), answered: Collection[str] = ()
) -> EventStream:
    narration = UiNarration(run_id=run.id, thread_id=run.thread_id)
    for event in before:
        narration.tell(event)
    narration.go_on(answered)
    headers = (
        _PROTOCOL,
        (b"x-run-id", run.id.encode()),
        (b"x-thread-id", run.thread_id.encode()),
    )
    return EventStream(feed, headers, UiVoice(narration))


def _terms(asked: ChatRequest) -> Terms | None:
    """What the front end asks for beside its words."""
    told = [
        part.text
        for message in asked.messages
        if message.role == "system"
        for part in message.parts
        if part.type == "text" and part.text
    ]
    if not told and not asked.tools:
        return None
    tools = [
        ToolSpec.model_validate({**tool.model_dump(exclude_none=True), "strict": False})
        for tool in asked.tools
    ]
    return Terms(instructions="\n\n".join(told), tools=tuple(tools))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/api/chat",
        summary="Say something as `useChat` of the AI SDK does, and follow the answer",
        handler=post_chat,
        action="runs.start",
        starts_run=True,
        body=ChatRequest,
        media_type="text/event-stream",
        tag="chat",
    ),
    Operation(
        method="GET",
        path="/api/chat/{id}",
        summary="The messages of a chat, as `useChat` keeps them",
        handler=get_chat,
        action="threads.read",
        answer=UiMessages,
        tag="chat",
    ),
    Operation(
        method="GET",
        path="/api/chat/{id}/stream",
        summary="The answer that is being given in a chat, from its beginning",
        handler=resume_chat,
        action="runs.read",
        media_type="text/event-stream",
        also={204: ""},
        tag="chat",
    ),
)
