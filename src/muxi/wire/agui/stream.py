"""A run as AG-UI events. Read by the door, which numbers nothing: AG-UI streams have no numbers.

The order is the one that the protocol's clients enforce: everything that was opened is closed
before `RUN_FINISHED`, which comes once and last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from muxi.core.events import (
    Approval,
    ApprovalResolved,
    Event,
    Problem,
    RunCompleted,
    RunStarted,
    RunSuspended,
    ToolProgress,
    ToolStarted,
)
from muxi.core.messages import MediaPart, ToolCallPart, ToolResultPart
from muxi.core.terms import UPDATE_STATE
from muxi.core.usage import Usage
from muxi.wire.agui.interrupts import interrupt_of
from muxi.wire.agui.messages import content_of, media_of, result_id
from muxi.wire.agui.state import State, changed, delta
from muxi.wire.narration import Frame, Narration, Spoken

VERSION = "1.0"
"""The revision of the protocol that is spoken."""

OURS = "muxi"
"""Key of what we say beside the protocol, in `metadata`."""


class AgUiNarration(Narration):
    """Tells a run as AG-UI does.

    Args:
        thread_id: The conversation, by the front end's name.
        run_id: What the front end calls this part of the run.
        state: What it shares with the agent, as the run began with it; None for nothing.
    """

    def __init__(self, *, thread_id: str, run_id: str, state: State | None = None) -> None:
        super().__init__()
        self.state = state
        """The shared state, after what was told so far."""
        self._ids = {"threadId": thread_id, "runId": run_id}
        self._model: str | None = None
        self._steps = 0
        self._texts: dict[str, str] = {}
        self._used = Usage()
        self.void = False
        """Whether the front end holds what does not count any more, and needs a snapshot."""

    def begin(self, *, run_id: str, thread_id: str) -> Frame:
        """The first event, which says under what names the run is known here."""
        ours = {"runId": run_id, "threadId": thread_id}
        return {
            "type": "RUN_STARTED",
            **self._ids,
            "protocolVersion": VERSION,
            "metadata": {OURS: ours},
        }

    def go_on(self, answered: Collection[str]) -> None:
        """See `Narration`. What was used before is no part of what is told now."""
        if self.end is not None:
            self._used = self.end.usage
        super().go_on(answered)

    def _say_started(self, event: RunStarted) -> Iterable[Frame]:
        self._model = event.model or self._model
        return ()

    def _say_ended(self) -> Iterable[Frame]:
        end = self.end
        if isinstance(end, RunSuspended):
            yield {**self._finished(end.usage), "outcome": _waits_for(end.approvals)}
        elif isinstance(end, RunCompleted) and end.status == "completed":
            result = {} if end.output is None else {"result": end.output}
            yield {**self._finished(end.usage), **result, "outcome": {"type": "success"}}
        elif isinstance(end, RunCompleted) and end.status == "cancelled":
            yield {**self._finished(end.usage), "outcome": {"type": "cancelled"}}
        elif isinstance(end, RunCompleted):
            problem = end.problem or Problem(code=end.status, message=f"The run is {end.status}.")
            yield {**error_frame(problem), **self._usage(end.usage)}
        else:
            yield error_frame(
                Problem(
                    code="server_unavailable",
                    message="The server stopped telling before the run was over.",
                    hint="Send the same run again to hear the rest.",
                )
            )

    def _say_failed(self, problem: Problem) -> Iterable[Frame]:
        yield error_frame(problem)

    def _say_voided(self) -> Iterable[Frame]:
        self.void = True
        return ()

    def _say_step_started(self) -> Iterable[Frame]:
        self._steps += 1
        yield {"type": "STEP_STARTED", "stepName": f"turn {self._steps}"}

    def _say_step_finished(self) -> Iterable[Frame]:
        self._texts.clear()
        yield {"type": "STEP_FINISHED", "stepName": f"turn {self._steps}"}

    def _say_opened(self, kind: Spoken, name: str) -> Iterable[Frame]:
        if kind == "text":
            # The first text is the message itself, by whose id the thread and its calls know it.
            first = self.message_id if self.message_id not in self._texts.values() else None
            self._texts.setdefault(name, first or name)
            yield {
                "type": "TEXT_MESSAGE_START",
                "messageId": self._texts[name],
                "role": "assistant",
            }
        else:
            yield {"type": "REASONING_START", "messageId": name}
            yield {"type": "REASONING_MESSAGE_START", "messageId": name, "role": "reasoning"}

    def _say_spoken(self, kind: Spoken, name: str, text: str) -> Frame:
        if kind == "text":
            return {"type": "TEXT_MESSAGE_CONTENT", "messageId": self._texts[name], "delta": text}
        return {"type": "REASONING_MESSAGE_CONTENT", "messageId": name, "delta": text}

    def _say_closed(self, kind: Spoken, name: str) -> Iterable[Frame]:
        if kind == "text":
            yield {"type": "TEXT_MESSAGE_END", "messageId": self._texts[name]}
        else:
            yield {"type": "REASONING_MESSAGE_END", "messageId": name}
            yield {"type": "REASONING_END", "messageId": name}

    def _say_media(self, part: MediaPart) -> Iterable[Frame]:
        yield {"type": "CUSTOM", "name": f"{OURS}.media", "value": media_of(part)}

    def _say_call_started(self, call_id: str, tool: str) -> Iterable[Frame]:
        yield {
            "type": "TOOL_CALL_START",
            "toolCallId": call_id,
            "toolCallName": tool,
            "parentMessageId": self.message_id,
        }

    def _say_call_written(self, call_id: str, text: str) -> Frame:
        return {"type": "TOOL_CALL_ARGS", "toolCallId": call_id, "delta": text}

    def _say_call_completed(self, call: ToolCallPart) -> Iterable[Frame]:
        yield {"type": "TOOL_CALL_END", "toolCallId": call.id}

    def _say_call_broken(self, call_id: str, reason: str) -> Iterable[Frame]:
        yield {"type": "TOOL_CALL_END", "toolCallId": call_id}
        yield _result(call_id, reason, outcome="cancelled")

    def _say_call_changed(self, event: ToolStarted) -> Iterable[Frame]:
        value = {"toolCallId": event.call_id, "arguments": event.arguments}
        yield {"type": "CUSTOM", "name": f"{OURS}.tool_call_changed", "value": value}

    def _say_result(self, part: ToolResultPart) -> Iterable[Frame]:
        yield _result(part.call_id, content_of(part.content), outcome=part.outcome)
        if part.name == UPDATE_STATE and part.outcome == "ok" and self.state is not None:
            before = self.state
            self.state = changed(before, self._arguments.get(part.call_id, {}))
            if patch := delta(before, self.state):
                yield {"type": "STATE_DELTA", "delta": patch}

    def _say_progress(self, event: ToolProgress) -> Iterable[Frame]:
        told = event.model_dump(mode="json", include=_PROGRESS, exclude_none=True)
        yield {
            "type": "ACTIVITY_SNAPSHOT",
            "messageId": f"{event.call_id}:progress",
            "activityType": "tool_progress",
            "content": {"toolCallId": event.call_id, **told},
        }

    def _say_asked(self, approval: Approval) -> Iterable[Frame]:
        if approval.live:
            # The run does not stop for it: the answer goes to /api/approvals meanwhile.
            value = interrupt_of(approval)
            yield {"type": "CUSTOM", "name": f"{OURS}.question", "value": value}

    def _say_decided(self, event: ApprovalResolved) -> Iterable[Frame]:
        return ()

    def _say_other(self, event: Event) -> Iterable[Frame]:
        value = event.model_dump(mode="json", exclude_none=True, exclude=_STAMPS)
        yield {"type": "CUSTOM", "name": f"{OURS}.{event.type}", "value": value}

    def _finished(self, usage: Usage) -> Frame:
        return {"type": "RUN_FINISHED", **self._ids, **self._usage(usage)}

    def _usage(self, usage: Usage) -> Frame:
        used = {
            theirs: getattr(usage, ours) - getattr(self._used, ours)
            for theirs, ours in _COUNTS.items()
        }
        if not any(used.values()):
            return {}
        provider, _, model = (self._model or "").rpartition("/")
        names = {"provider": provider, "model": model}
        return {"usage": [{**{key: name for key, name in names.items() if name}, **used}]}


_PROGRESS = {"progress", "total", "message"}
_STAMPS = {"type", "seq", "run_id"}
_COUNTS = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "totalTokens": "total_tokens",
    "reasoningTokens": "reasoning_tokens",
    "cachedInputTokens": "cached_tokens",
    "cacheWriteInputTokens": "cache_write_tokens",
}


def error_frame(problem: Problem) -> Frame:
    """A problem as the event that ends a run."""
    hint = f" {problem.hint}" if problem.hint else ""
    return {"type": "RUN_ERROR", "message": f"{problem.message}{hint}", "code": problem.code}


def _result(call_id: str, content: Any, *, outcome: str) -> Frame:
    frame = {
        "type": "TOOL_CALL_RESULT",
        "messageId": result_id(call_id),
        "toolCallId": call_id,
        "content": content,
        "role": "tool",
    }
    return frame if outcome == "ok" else {**frame, "metadata": {OURS: {"outcome": outcome}}}


def _waits_for(approvals: Iterable[Approval]) -> Frame:
    """The outcome of a run that waits: for calls of the front end, or for a person."""
    asked = list(approvals)
    interrupts = [interrupt_of(each) for each in asked if not each.of_client]
    if interrupts:
        return {"type": "interrupt", "interrupts": interrupts}
    return {"type": "success", "pendingToolCallIds": [each.call_id for each in asked]}
