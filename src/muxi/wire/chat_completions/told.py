"""What happens in a run, told as one answer of chat completions, whole or in chunks.

Called by the server, which hands in every event of the run. Calls of the agent's own tools are not
told: the client could not make them, and has not asked for them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from muxi.core.errors import Conflict, LimitReached, MuxiError, RunCancelled, ServerUnavailable
from muxi.core.events import (
    ApprovalRequested,
    AttemptStarted,
    Event,
    Gap,
    MessageCompleted,
    MessageStarted,
    ReasoningDelta,
    RunCompleted,
    RunSuspended,
    TextDelta,
)
from muxi.core.messages import Message, RefusalPart, StopReason
from muxi.core.problems import error_of
from muxi.core.usage import Usage
from muxi.wire.encoded import to_json

_BETWEEN = "\n\n"
"""What separates what an agent says before it uses a tool from what it says after."""

_REASONS: dict[StopReason | None, str] = {
    "length": "length",
    "content_filter": "content_filter",
}

Delta = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class ChatAnswer:
    """One answer, as far as it has been given."""

    structured: bool
    """Whether the answer must have a shape: then nothing is told before it has."""
    before: Usage
    """What the run had consumed before this answer began."""
    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None
    error: MuxiError | None = None
    """Why there is no whole answer."""
    over: bool = False
    content: str = ""
    refusal: str = ""
    reasoning: str = ""
    calls: list[Delta] = field(default_factory=list[Delta])
    _last: Message | None = None
    _sent: int = 0
    """Number of the first event whose text was told."""
    _gap: bool = False
    _takes: dict[type[Event], Callable[[Any], Delta | None]] = field(init=False)

    def __post_init__(self) -> None:
        self._takes = {
            TextDelta: self._say,
            ReasoningDelta: self._think,
            MessageStarted: self._begin,
            MessageCompleted: self._end,
            ApprovalRequested: self._ask,
            AttemptStarted: self._begin_anew,
            RunSuspended: self._suspend,
            RunCompleted: self._complete,
            Gap: self._lose,
        }

    def take(self, event: Event) -> Delta | None:
        """What `event` adds to the answer, as the client is told of it."""
        take = self._takes.get(type(event))
        return None if take is None else take(event)

    def fail(self, error: MuxiError) -> None:
        """There will be no whole answer."""
        if not self.over:
            self.over, self.error = True, error

    def _say(self, event: TextDelta) -> Delta | None:
        if self.structured:
            return None
        text = _BETWEEN + event.text if self._gap else event.text
        self._gap = False
        self._sent = self._sent or event.seq
        self.content += text
        return {"content": text}

    def _think(self, event: ReasoningDelta) -> Delta:
        self.reasoning += event.text
        return {"reasoning_content": event.text}

    def _begin(self, event: MessageStarted) -> None:
        self._gap = bool(self.content)

    def _end(self, event: MessageCompleted) -> None:
        if event.message.role == "assistant":
            self._last = event.message

    def _begin_anew(self, event: AttemptStarted) -> None:
        if self._sent > event.replaces_from:
            self.fail(ServerUnavailable("The answer broke off and was begun anew."))

    def _lose(self, event: Gap) -> None:
        self.fail(ServerUnavailable("The rest of the answer cannot be read any more."))

    def _ask(self, event: ApprovalRequested) -> Delta | None:
        approval = event.approval
        if approval.question is None or approval.question.asked != "client":
            return None
        call = {
            "id": approval.call_id,
            "type": "function",
            "function": {
                "name": approval.tool,
                "arguments": to_json(approval.arguments).decode(),
            },
        }
        self.calls.append(call)
        return {"tool_calls": [{"index": len(self.calls) - 1, **call}]}

    def _suspend(self, event: RunSuspended) -> None:
        self._count(event.usage)
        if self.calls:
            self.over, self.finish_reason = True, "tool_calls"
            return
        names = ", ".join(approval.tool for approval in event.approvals)
        self.fail(
            Conflict(
                f"The agent waits for a person: {names}.",
                hint="Somebody must answer over /api/approvals or in the dashboard.",
                approval_id=event.approvals[0].id,
            )
        )

    def _complete(self, event: RunCompleted) -> Delta | None:
        self._count(event.usage)
        if event.status == "blocked":
            self.over, self.finish_reason = True, "content_filter"
            return None
        if event.status == "limited" and event.text:
            self.over, self.finish_reason = True, "length"
            return self._structured_text(event.text)
        if event.status != "completed":
            self.fail(_failure(event))
            return None
        last = self._last
        self.over = True
        self.finish_reason = _REASONS.get(None if last is None else last.stop_reason, "stop")
        refused = "".join(
            part.text
            for part in (() if last is None else last.parts)
            if isinstance(part, RefusalPart)
        )
        if refused and not event.text:
            self.refusal = refused
            # A stream has told it already, as text: it cannot know before the end.
            return {"refusal": refused} if self.structured else None
        return self._structured_text(event.text)

    def _structured_text(self, text: str) -> Delta | None:
        if not self.structured:
            return None
        self.content = text
        return {"content": text}

    def _count(self, after: Usage) -> None:
        before = self.before
        self.usage = Usage(
            input_tokens=after.input_tokens - before.input_tokens,
            output_tokens=after.output_tokens - before.output_tokens,
            cached_tokens=after.cached_tokens - before.cached_tokens,
            cache_write_tokens=after.cache_write_tokens - before.cache_write_tokens,
            reasoning_tokens=after.reasoning_tokens - before.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The frame of an answer: what the client calls its completion."""

    id: str
    created: int
    """Seconds since 1970."""
    model: str
    fingerprint: str | None

    def whole(self, answer: ChatAnswer) -> bytes:
        """The answer as one object."""
        message: Delta = {
            "role": "assistant",
            "content": answer.content or None,
            "refusal": answer.refusal or None,
            "annotations": [],
        }
        if answer.refusal:
            message["content"] = None
        if answer.reasoning:
            message["reasoning_content"] = answer.reasoning
        if answer.calls:
            message["tool_calls"] = answer.calls
        elif not answer.refusal:
            message["content"] = answer.content
        choice = {
            "index": 0,
            "message": message,
            "finish_reason": answer.finish_reason,
            "logprobs": None,
        }
        return to_json(
            {
                **self._frame("chat.completion"),
                "choices": [choice],
                "usage": usage_of(answer.usage),
            }
        )

    def chunk(self, delta: Delta, finish_reason: str | None = None) -> bytes:
        """A piece of the answer."""
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": None,
            "finish_reason": finish_reason,
        }
        return to_json({**self._frame("chat.completion.chunk"), "choices": [choice]})

    def usage_chunk(self, usage: Usage) -> bytes:
        """The last piece, for a client that wants to know what the answer consumed."""
        frame = self._frame("chat.completion.chunk")
        return to_json({**frame, "choices": [], "usage": usage_of(usage)})

    def _frame(self, kind: str) -> Delta:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": self.fingerprint,
        }


def usage_of(usage: Usage) -> Delta:
    """What an answer consumed, over all questions to models that it took."""
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _failure(event: RunCompleted) -> MuxiError:
    if event.problem is not None:
        return error_of(event.problem)
    if event.status == "limited":
        return LimitReached(limit=event.limit)
    return RunCancelled()
