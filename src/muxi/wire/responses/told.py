"""What happens in a run, told as one response: a list of output items, and events about them.

Called by the server, which hands in every event of the run from the first on. The agent's own
calls are told as calls of an MCP server named `muxi`, which is how this format shows tools that
are not the client's; questions about them are its approval requests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from muxi.core.events import (
    ApprovalRequested,
    AttemptStarted,
    Event,
    MessageCompleted,
    MessageStarted,
    Problem,
    ReasoningDelta,
    RunCompleted,
    RunSuspended,
    TextDelta,
    ToolCompleted,
    ToolStarted,
)
from muxi.core.messages import (
    Message,
    ReasoningPart,
    RefusalPart,
)
from muxi.core.usage import Usage
from muxi.wire.responses.output import Item, OpenItem, Output, digits

Told = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class ResponseAnswer:
    """One response, as far as it has been given.

    Args:
        base: All of the response that its request decides.
        structured: Whether the answer must have a shape: then nothing is told before it has.
        before: What the run had consumed before.
        clients: Names of the client's tools.
    """

    base: Told
    structured: bool
    before: Usage
    clients: frozenset[str]
    status: str = "in_progress"
    over: bool = False
    _out: Output = field(default_factory=Output)
    _usage: Usage | None = None
    _error: Told | None = None
    _incomplete: Told | None = None
    _message_id: str = ""
    _thoughts: dict[int, OpenItem] = field(default_factory=dict[int, OpenItem])
    _text: OpenItem | None = None
    _last: Message | None = None
    _held: Message | None = None
    """The last answer that has not the shape yet, or is not known to have it."""
    _sent: int = 0
    _completed_at: int | None = None
    _takes: dict[type[Event], Callable[[Any], None]] = field(init=False)

    def __post_init__(self) -> None:
        self._takes = {
            MessageStarted: self._start,
            ReasoningDelta: self._think,
            TextDelta: self._write,
            MessageCompleted: self._complete_message,
            ToolStarted: self._call,
            ToolCompleted: self._called,
            ApprovalRequested: self._ask,
            AttemptStarted: self._begin_anew,
            RunSuspended: self._suspend,
            RunCompleted: self._complete,
        }

    def begin(self) -> list[Told]:
        """The first events."""
        self._out.tell("response.created", response=self.resource())
        self._out.tell("response.in_progress", response=self.resource())
        return self._out.taken()

    def take(self, event: Event, *, at: int) -> list[Told]:
        """The events that `event` becomes; `at` is the time of the run's end, if this is the end,
        in seconds since 1970."""
        take = self._takes.get(type(event))
        if take is not None and not self.over:
            self._completed_at = at
            take(event)
        return self._out.taken()

    def break_off(self) -> list[Told]:
        """There will be no more events: the last one, if it was not told."""
        if not self.over:
            self._fail("server_error", "The server stopped before the answer was whole.")
        return self._out.taken()

    def resource(self) -> Told:
        """The response as it is now."""
        done = self.status == "completed"
        return {
            **self.base,
            "status": self.status,
            "completed_at": self._completed_at if done else None,
            "incomplete_details": self._incomplete,
            "error": self._error,
            "output": [dict(item) for item in self._out.items],
            "usage": None if self._usage is None else usage_of(self._usage),
        }

    def _start(self, event: MessageStarted) -> None:
        self._message_id = event.message_id
        self._text, self._thoughts = None, {}

    def _think(self, event: ReasoningDelta) -> None:
        self._thinking(event.index).write(event.text)

    def _thinking(self, index: int) -> OpenItem:
        known = self._thoughts.get(index)
        if known is None:
            item: Item = {
                "type": "reasoning",
                "id": f"rs_{digits(self._message_id)}_{index}",
                "summary": [],
                "content": [],
                "encrypted_content": None,
                "status": "in_progress",
            }
            known = self._thoughts[index] = self._out.open(item)
            known.begin({**item})
            known.begin_part("reasoning_text")
        return known

    def _write(self, event: TextDelta) -> None:
        if self.structured:
            return
        self._sent = self._sent or event.seq
        self._writing().write(event.text)

    def _writing(self, kind: str = "output_text") -> OpenItem:
        if self._text is None:
            item: Item = {
                "type": "message",
                "id": self._message_id,
                "role": "assistant",
                "status": "in_progress",
                "content": [],
            }
            self._text = self._out.open(item)
            self._text.begin({**item})
            self._text.begin_part(kind)
        return self._text

    def _complete_message(self, event: MessageCompleted) -> None:
        message = event.message
        if message.role != "assistant":
            return
        self._last, self._message_id = message, message.id
        for index, part in enumerate(message.parts):
            # A stored answer may be told without its pieces.
            if isinstance(part, ReasoningPart) and part.text and index not in self._thoughts:
                self._thinking(index).write(part.text)
        for thought in self._thoughts.values():
            thought.end("completed")
        if self.structured:
            self._held = message
        else:
            self._end_text(message)
        self._text, self._thoughts = None, {}

    def _end_text(self, message: Message) -> None:
        refused = "".join(part.text for part in message.parts if isinstance(part, RefusalPart))
        text = message.text
        if self._text is None and text:
            self._writing().write(text)
        elif self._text is not None and text.startswith(self._text.text):
            # Pieces of old answers are not kept for ever.
            self._text.write(text[len(self._text.text) :])
        cut = message.stop_reason == "length" or message.status == "partial"
        if refused and self._text is None:
            self._writing("refusal").write(refused)
        if self._text is not None:
            self._text.end("incomplete" if cut else "completed")

    def _call(self, event: ToolStarted) -> None:
        if event.name not in self.clients:
            self._out.begin_call(event)

    def _called(self, event: ToolCompleted) -> None:
        self._out.end_call(event.result)

    def _ask(self, event: ApprovalRequested) -> None:
        approval = event.approval
        if approval.question is None:
            self._out.ask_leave(approval)
        elif approval.question.asked == "client":
            self._out.hand_over(approval)

    def _begin_anew(self, event: AttemptStarted) -> None:
        if self._sent > event.replaces_from:
            self._fail("server_error", "The answer broke off and was begun anew.")

    def _suspend(self, event: RunSuspended) -> None:
        self._count_usage(event.usage)
        times = [each.asked_at for each in event.approvals if each.asked_at is not None]
        if times:
            self._completed_at = int(max(times).timestamp())
        asked = [each.question for each in event.approvals]
        if any(question is not None and question.asked == "person" for question in asked):
            self._end("incomplete", {"reason": "waiting_for_person"})
        else:
            self._end("completed")

    def _complete(self, event: RunCompleted) -> None:
        self._count_usage(event.usage)
        if self._held is not None:
            # The last answer has the shape, or there will be none that has it.
            self._message_id = self._held.id
            if event.status == "completed":
                self._end_text(self._held)
        cut = self._last is not None and self._last.stop_reason == "length"
        if event.status == "blocked":
            self._end("incomplete", {"reason": "content_filter"})
        elif event.status == "cancelled":
            self._end("cancelled")
        elif event.status == "limited" or (event.status == "completed" and cut):
            self._end("incomplete", {"reason": "max_output_tokens"})
        elif event.status == "completed":
            self._end("completed")
        else:
            self._fail(*_failure(event.problem))

    def _end(self, status: str, incomplete: Told | None = None) -> None:
        self.over, self.status, self._incomplete = True, status, incomplete
        kind = "completed" if status == "completed" else "incomplete"
        self._out.tell(f"response.{kind}", response=self.resource())

    def _fail(self, code: str, message: str) -> None:
        self.over, self.status = True, "failed"
        self._error = {"code": code, "message": message}
        self._out.tell("response.failed", response=self.resource())

    def _count_usage(self, after: Usage) -> None:
        before = self.before
        self._usage = Usage(
            input_tokens=after.input_tokens - before.input_tokens,
            output_tokens=after.output_tokens - before.output_tokens,
            cached_tokens=after.cached_tokens - before.cached_tokens,
            cache_write_tokens=after.cache_write_tokens - before.cache_write_tokens,
            reasoning_tokens=after.reasoning_tokens - before.reasoning_tokens,
        )


def usage_of(usage: Usage) -> Told:
    """What a response consumed, over all questions to models that it took."""
    return {
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {
            "cached_tokens": usage.cached_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
        },
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
        "total_tokens": usage.total_tokens,
    }


def _failure(problem: Problem | None) -> tuple[str, str]:
    if problem is None:
        return "server_error", "The agent stopped without an answer."
    limited = problem.code in ("model_rate_limited", "limit_reached")
    return "rate_limit_exceeded" if limited else "server_error", problem.message
