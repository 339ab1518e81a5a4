"""Responses: `/v1/responses` and what belongs to it. The server holds the conversation."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from muxi.core.events import FINAL_STATUSES, Event, Gap, MessageCompleted, RunCompleted
from muxi.core.messages import Message
from muxi.core.threads import Run
from muxi.runtime.build import Runtime
from muxi.runtime.feed import EventReader, Feed
from muxi.runtime.principal import Principal
from muxi.server.openai.errors import problem
from muxi.server.openai.item_lists import ItemList, ItemQuery, page_of
from muxi.server.openai.responding import responding
from muxi.server.openai.stored import Found, as_kept, find
from muxi.server.operations import AnyOperation, Call, EventStream, Nothing, Operation, Strict
from muxi.wire.encoded import to_json
from muxi.wire.responses.body import ResponseRequest
from muxi.wire.responses.thread_items import told_of
from muxi.wire.responses.told import ResponseAnswer, Told

_JSON = "application/json"
_DONE = b"data: [DONE]\n\n"


class RetrieveQuery(Strict):
    stream: bool = False
    starting_after: int | None = Field(None, ge=0)
    """Number of the last event that the client has."""
    include_obfuscation: bool = False


class Deleted(BaseModel):
    id: str
    object: Literal["response"] = "response"
    deleted: bool = True


@dataclass(slots=True)
class ResponseVoice:
    """Says the events of a run as those of a response. Implements `Voice`."""

    feed: Feed
    answer: ResponseAnswer
    run: Run
    after: int = -1
    """Number of the last event that the client has."""

    async def begin(self) -> bytes:
        """See `Voice`."""
        return self._encoded(self.answer.begin())

    async def say(self, events: Sequence[Event]) -> bytes:
        """See `Voice`."""
        at = _end_of(self.run)
        told = [each for event in events for each in self.answer.take(event, at=at)]
        if self.answer.over:
            # The run may go on under the next response.
            self.feed.close()
        return self._encoded(told)

    async def end(self) -> bytes:
        """See `Voice`."""
        return self._encoded(self.answer.break_off()) + _DONE

    def _encoded(self, told: Sequence[Told]) -> bytes:
        return b"".join(
            b"event: %b\ndata: %b\n\n" % (each["type"].encode(), to_json(each))
            for each in told
            if each["sequence_number"] > self.after
        )


async def create(call: Call[ResponseRequest, Nothing]) -> Response | EventStream:
    request = await responding(call)
    if call.body.store is False:
        call.leave_nothing()
    found, feed = await request.begin()
    answer, headers = found.answer(), _headers(found)
    if call.body.stream:
        return EventStream(feed, headers, ResponseVoice(feed, answer, found.run))
    answer.begin()
    if call.body.background:
        feed.close()
        answer.status = "queued"
    else:
        await _listen(feed, answer, found.run)
    return _response(answer, headers)


async def retrieve(call: Call[Nothing, RetrieveQuery]) -> Response | EventStream:
    found = await find(call.runtime, call.who, call.path["id"])
    query = call.query
    if query.stream:
        streams = call.runtime.streams
        feed = await streams.follow_run(call.who, found.run.id, since=found.begins[0])
        after = -1 if query.starting_after is None else query.starting_after
        return EventStream(
            feed, _headers(found), ResponseVoice(feed, found.answer(), found.run, after)
        )
    return _response(await _recalled(call.runtime, call.who, found), _headers(found))


async def cancel(call: Call[Nothing, Nothing]) -> Response:
    found = await find(call.runtime, call.who, call.path["id"])
    if found.is_last:
        found.run = await call.runtime.runs.cancel(call.who, found.run.id)
    return _response(await _recalled(call.runtime, call.who, found), _headers(found))


async def delete(call: Call[Nothing, Nothing]) -> Deleted:
    found = await find(call.runtime, call.who, call.path["id"])
    found.kept.stored = False
    await call.runtime.transcripts.keep(call.who, found.run.id, as_kept(found.all))
    return Deleted(id=found.id)


async def list_input(call: Call[Nothing, ItemQuery]) -> ItemList:
    found = await find(call.runtime, call.who, call.path["id"])
    said, clients = await _asked(call.runtime, call.who, found), found.clients_before
    told = told_of(said, lambda _, name: clients is None or name in clients)
    return page_of([each.item for each in told], call.query)


async def _listen(feed: Feed, answer: ResponseAnswer, run: Run) -> None:
    """Wait for the whole answer."""
    async with EventReader(feed) as events:
        async for event in events:
            answer.take(event, at=_end_of(run))
            if answer.over:
                return
    answer.break_off()


def _end_of(run: Run) -> int:
    """When a run ended, in seconds since 1970; now, while it is at work."""
    return int(time.time() if run.finished_at is None else run.finished_at.timestamp())


async def _recalled(runtime: Runtime, who: Principal, found: Found) -> ResponseAnswer:
    """A response as far as it has been given, from what is stored."""
    answer, run = found.answer(), found.run
    answer.begin()
    at = _end_of(run)
    events = await runtime.transcripts.events(who, run, since=found.begins[0])
    kinds = {type(event) for event in events}
    if Gap in kinds and MessageCompleted not in kinds:
        return await _retold(runtime, who, found)
    for event in events:
        answer.take(event, at=at)
    return answer


async def _retold(runtime: Runtime, who: Principal, found: Found) -> ResponseAnswer:
    """A response whose events are not kept any more: from its messages."""
    answer, run = found.answer(), found.run
    answer.begin()
    at = _end_of(run)
    for message in await _said(runtime, who, found):
        answer.take(MessageCompleted(message=message), at=at)
    if run.status in FINAL_STATUSES and found.is_last:
        end = RunCompleted(status=run.status, usage=run.usage, problem=run.problem)
        answer.take(end, at=at)
    return answer


async def _said(runtime: Runtime, who: Principal, found: Found) -> list[Message]:
    """The messages of a response."""
    said = await runtime.transcripts.said(who, found.run)
    ids = [message.id for message in said]
    since, until = found.begins[1], found.until
    begin = ids.index(since) + 1 if since in ids else 0
    return said[begin : ids.index(until) + 1 if until in ids else None]


async def _asked(runtime: Runtime, who: Principal, found: Found) -> list[Message]:
    """What the client has said for a response."""
    if not found.number:
        return await runtime.transcripts.asked(who, found.run)
    own = await _said(runtime, who, found)
    return [message for message in own[:2] if message.role != "assistant"]


def _response(answer: ResponseAnswer, headers: Sequence[tuple[bytes, bytes]]) -> Response:
    whole = Response(to_json(answer.resource()), 200, {"cache-control": "no-store"}, _JSON)
    whole.raw_headers.extend(headers)
    return whole


def _headers(found: Found) -> tuple[tuple[bytes, bytes], ...]:
    run = found.run
    return ((b"x-run-id", run.id.encode()), (b"x-thread-id", run.thread_id.encode()))


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/v1/responses",
        summary="An agent's response, which the server keeps, as OpenAI's API gives it",
        handler=create,
        action="runs.start",
        starts_run=True,
        body=ResponseRequest,
        media_type=_JSON,
        also={200: "text/event-stream"},
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/responses/{id}",
        summary="A response as it is now, or its events from any of them on",
        handler=retrieve,
        action="runs.read",
        query=RetrieveQuery,
        media_type=_JSON,
        also={200: "text/event-stream"},
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="DELETE",
        path="/v1/responses/{id}",
        summary="Let a response be found no more; the messages of its thread stay",
        handler=delete,
        action="runs.cancel",
        answer=Deleted,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="POST",
        path="/v1/responses/{id}/cancel",
        summary="Stop a response; what it has said is kept",
        handler=cancel,
        action="runs.cancel",
        media_type=_JSON,
        problem=problem,
        tag="openai",
    ),
    Operation(
        method="GET",
        path="/v1/responses/{id}/input_items",
        summary="What a response was asked",
        handler=list_input,
        action="runs.read",
        query=ItemQuery,
        answer=ItemList,
        problem=problem,
        tag="openai",
    ),
)
