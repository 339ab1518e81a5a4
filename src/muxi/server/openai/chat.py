"""Chat completions: `POST /v1/chat/completions`. The client holds the conversation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from starlette.responses import Response

from muxi.core.errors import ServerUnavailable
from muxi.core.events import Event
from muxi.core.threads import Run
from muxi.runtime.feed import EventReader
from muxi.server.openai.asking import Asked, ask
from muxi.server.openai.errors import error_of, problem
from muxi.server.openai.models import agent_of
from muxi.server.operations import AnyOperation, Call, EventStream, Nothing, Operation
from muxi.server.problems import Refused, invalid, problem_for
from muxi.wire.chat_completions.asked import conversation_of, terms_of
from muxi.wire.chat_completions.body import ChatRequest
from muxi.wire.chat_completions.told import ChatAnswer, Completion
from muxi.wire.encoded import to_json

_DONE = b"data: [DONE]\n\n"


async def complete_chat(call: Call[ChatRequest, Nothing]) -> Response | EventStream:
    body, runtime = call.body, call.runtime
    version = await agent_of(runtime, call.who, body.model)
    conversation = conversation_of(body)
    try:
        terms = terms_of(body, conversation)
    except ValidationError as error:
        raise invalid(error) from None
    if body.store is False:
        call.leave_nothing()
    asked = await ask(call, version.definition.name, conversation, terms)
    structured = terms.output is not None or version.definition.output is not None
    answer = ChatAnswer(structured=structured, before=asked.before)
    completion = _completion(asked.run)
    headers = _headers(asked.run)
    if body.stream:
        usage = body.stream_options is not None and body.stream_options.include_usage
        return EventStream(asked.feed, headers, ChatVoice(completion, answer, tell_usage=usage))
    await _read(asked, answer)
    if answer.error is not None:
        # Clients try again by themselves, and the agent's tools may have had effects.
        status = problem_for(answer.error).status
        raise Refused(status, answer.error, ((b"x-should-retry", b"false"),))
    whole = Response(completion.whole(answer), 200, {"cache-control": "no-store"}, _JSON)
    whole.raw_headers.extend(headers)
    return whole


_JSON = "application/json"


@dataclass(slots=True)
class ChatVoice:
    """Says the events of a run in chunks of a completion. Implements `Voice`."""

    completion: Completion
    answer: ChatAnswer
    tell_usage: bool

    async def begin(self) -> bytes:
        """See `Voice`."""
        return _sse(self.completion.chunk({"role": "assistant", "content": ""}))

    async def say(self, events: Sequence[Event]) -> bytes:
        """See `Voice`."""
        said: list[bytes] = []
        for event in events:
            delta = self.answer.take(event)
            if delta is not None:
                said.append(_sse(self.completion.chunk(delta)))
        return b"".join(said)

    async def end(self) -> bytes:
        """See `Voice`."""
        answer = self.answer
        answer.fail(_broken_off())
        if answer.error is not None:
            return _sse(to_json({"error": error_of(answer.error)})) + _DONE
        said = [_sse(self.completion.chunk({}, answer.finish_reason))]
        if self.tell_usage:
            said.append(_sse(self.completion.usage_chunk(answer.usage)))
        return b"".join((*said, _DONE))


async def _read(asked: Asked, answer: ChatAnswer) -> None:
    """Wait for the whole answer."""
    async with EventReader(asked.feed) as events:
        async for event in events:
            answer.take(event)
    answer.fail(_broken_off())


def _broken_off() -> ServerUnavailable:
    return ServerUnavailable("The server stopped before the answer was whole.")


def _completion(run: Run) -> Completion:
    version = run.agent_hash
    return Completion(
        id=f"chatcmpl-{run.id.removeprefix('run_')}-{run.attempt}",
        created=int(run.created_at.timestamp()),
        model=run.agent,
        fingerprint=None if version is None else f"fp_{version.removeprefix('sha256:')[:12]}",
    )


def _headers(run: Run) -> tuple[tuple[bytes, bytes], ...]:
    return ((b"x-run-id", run.id.encode()), (b"x-thread-id", run.thread_id.encode()))


def _sse(data: bytes) -> bytes:
    return b"data: " + data + b"\n\n"


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="POST",
        path="/v1/chat/completions",
        summary="An agent's answer to a conversation, as OpenAI's chat completions give it",
        handler=complete_chat,
        action="runs.start",
        starts_run=True,
        body=ChatRequest,
        media_type="application/json",
        also={200: "text/event-stream"},
        problem=problem,
        tag="openai",
    ),
)
