"""A run as chunks of the UI message stream. Read by the door.

The run is one message under the run's id, whose steps are the answers of the model. Whoever resumes
is told the whole message anew; whoever answers is told what comes after.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from muxi.core.events import (
    Approval,
    ApprovalResolved,
    Event,
    KnowledgeRecalled,
    MessageCompleted,
    Problem,
    RunCompleted,
    RunStarted,
    RunSuspended,
    ToolProgress,
    ToolStarted,
)
from muxi.core.messages import MediaPart, ToolCallPart, ToolResultPart
from muxi.core.usage import Usage
from muxi.wire.aisdk.messages import file_of, output_of
from muxi.wire.narration import Frame, Narration, Spoken

_REASONS = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool-calls",
    "refusal": "content-filter",
    "content_filter": "content-filter",
    "cancelled": "interrupted",
}
"""Ours, by why the last answer ended."""


class UiNarration(Narration):
    """Tells a run as the AI SDK does.

    Args:
        run_id: The run, whose id is that of the message.
        thread_id: The thread that it is in.
    """

    def __init__(self, *, run_id: str, thread_id: str) -> None:
        super().__init__()
        self._metadata: dict[str, Any] = {"runId": run_id, "threadId": thread_id}
        self._reason = "stop"
        self._tools: dict[str, str] = {}
        self._asked_of: set[str] = set()

    def begin(self) -> Frame:
        """The first chunk."""
        return {
            "type": "start",
            "messageId": self._metadata["runId"],
            "messageMetadata": self._metadata,
        }

    def tell(self, event: Event) -> list[Frame]:
        """See `Narration`."""
        if isinstance(event, MessageCompleted) and event.message.stop_reason is not None:
            self._reason = _REASONS[event.message.stop_reason]
        return super().tell(event)

    def _say_started(self, event: RunStarted) -> Iterable[Frame]:
        told = {"agent": event.agent, **({"model": event.model} if event.model else {})}
        if told.items() - self._metadata.items():
            self._metadata.update(told)
            yield {"type": "message-metadata", "messageMetadata": self._metadata}

    def _say_ended(self) -> Iterable[Frame]:
        end = self.end
        if isinstance(end, RunSuspended):
            yield self._finish("tool-calls", end.usage)
        elif isinstance(end, RunCompleted) and end.status == "completed":
            if end.output is not None:
                yield {"type": "data-output", "id": "output", "data": end.output}
            yield self._finish(self._reason, end.usage)
        elif isinstance(end, RunCompleted) and end.status == "cancelled":
            yield {"type": "abort", "reason": "The run was cancelled."}
            yield self._finish("interrupted", end.usage)
        elif isinstance(end, RunCompleted):
            problem = end.problem or Problem(code=end.status, message=f"The run is {end.status}.")
            yield {"type": "message-metadata", "messageMetadata": self._used(end.usage)}
            yield from self._say_failed(problem)
        else:
            yield from self._say_failed(
                Problem(
                    code="server_unavailable",
                    message="The server stopped telling before the run was over.",
                    hint="Resume the stream to hear the rest.",
                )
            )

    def _say_failed(self, problem: Problem) -> Iterable[Frame]:
        hint = f" {problem.hint}" if problem.hint else ""
        yield {"type": "error", "errorText": f"{problem.message}{hint}"}

    def _say_voided(self) -> Iterable[Frame]:
        yield {"type": "reset-step"}

    def _say_step_started(self) -> Iterable[Frame]:
        yield {"type": "start-step"}

    def _say_step_finished(self) -> Iterable[Frame]:
        yield {"type": "finish-step"}

    def _say_opened(self, kind: Spoken, name: str) -> Iterable[Frame]:
        yield {"type": f"{kind}-start", "id": name}

    def _say_spoken(self, kind: Spoken, name: str, text: str) -> Frame:
        return {"type": f"{kind}-delta", "id": name, "delta": text}

    def _say_closed(self, kind: Spoken, name: str) -> Iterable[Frame]:
        yield {"type": f"{kind}-end", "id": name}

    def _say_media(self, part: MediaPart) -> Iterable[Frame]:
        yield {key: value for key, value in file_of(part).items() if key != "filename"}

    def _say_call_started(self, call_id: str, tool: str) -> Iterable[Frame]:
        self._tools[call_id] = tool
        yield {"type": "tool-input-start", "toolCallId": call_id, "toolName": tool}

    def _say_call_written(self, call_id: str, text: str) -> Frame:
        return {"type": "tool-input-delta", "toolCallId": call_id, "inputTextDelta": text}

    def _say_call_completed(self, call: ToolCallPart) -> Iterable[Frame]:
        if call.malformed is None:
            yield self._input(call.id, call.arguments)
            return
        yield {
            "type": "tool-input-error",
            "toolCallId": call.id,
            "toolName": call.name,
            "input": call.malformed,
            "errorText": "The arguments are not a JSON object.",
        }

    def _say_call_broken(self, call_id: str, reason: str) -> Iterable[Frame]:
        yield {
            "type": "tool-input-error",
            "toolCallId": call_id,
            "toolName": self._tools[call_id],
            "input": None,
            "errorText": reason,
        }

    def _say_call_changed(self, event: ToolStarted) -> Iterable[Frame]:
        yield self._input(event.call_id, event.arguments)

    def _say_result(self, part: ToolResultPart) -> Iterable[Frame]:
        told: Frame = {"toolCallId": part.call_id}
        if part.outcome == "ok":
            yield {"type": "tool-output-available", **told, "output": output_of(part.content)}
        elif part.outcome == "denied" and part.call_id in self._asked_of:
            yield {"type": "tool-output-denied", **told}
        else:
            yield {"type": "tool-output-error", **told, "errorText": part.text or part.outcome}

    def _say_progress(self, event: ToolProgress) -> Iterable[Frame]:
        data = event.model_dump(mode="json", include=_PROGRESS, exclude_none=True)
        data["toolCallId"] = event.call_id
        yield {"type": "data-tool-progress", "id": event.call_id, "data": data, "transient": True}

    def _say_asked(self, approval: Approval) -> Iterable[Frame]:
        question = approval.question
        if question is not None:
            if question.asked != "client":
                yield _question(approval)
            return
        call_id = approval.call_id
        if not call_id:
            # A guardrail asks about no call: it is shown as one, so that it can be answered.
            call_id = approval.id
            yield from self._say_call_started(call_id, approval.tool)
            yield self._input(call_id, approval.arguments)
        self._asked_of.add(call_id)
        yield {
            "type": "tool-approval-request",
            "approvalId": approval.id,
            "toolCallId": call_id,
            "reason": approval.reason,
        }

    def _say_decided(self, event: ApprovalResolved) -> Iterable[Frame]:
        decision, call_id = event.decision, event.call_id or event.approval_id
        if call_id in self._asked_of:
            approved = decision.decision == "approve"
            told: Frame = {"approvalId": event.approval_id, "approved": approved}
            if decision.reason:
                told["reason"] = decision.reason
            yield {"type": "tool-approval-response", **told}
            if not event.call_id:
                yield self._guarded(call_id, approved=approved)

    def _say_other(self, event: Event) -> Iterable[Frame]:
        if isinstance(event, KnowledgeRecalled):
            for hit in event.hits:
                yield {
                    "type": "source-document",
                    "sourceId": hit.id,
                    "mediaType": "text/plain",
                    "title": hit.citation.label,
                    "filename": hit.citation.name,
                }
            return
        data = event.model_dump(mode="json", exclude_none=True, exclude=_STAMPS)
        name = event.type.replace(".", "-").replace("_", "-")
        yield {"type": f"data-{name}", "data": data, "transient": True}

    def _input(self, call_id: str, arguments: dict[str, Any]) -> Frame:
        return {
            "type": "tool-input-available",
            "toolCallId": call_id,
            "toolName": self._tools[call_id],
            "input": arguments,
        }

    def _guarded(self, call_id: str, *, approved: bool) -> Frame:
        if approved:
            return {"type": "tool-output-available", "toolCallId": call_id, "output": None}
        return {"type": "tool-output-denied", "toolCallId": call_id}

    def _finish(self, reason: str, usage: Usage) -> Frame:
        return {"type": "finish", "finishReason": reason, "messageMetadata": self._used(usage)}

    def _used(self, usage: Usage) -> dict[str, Any]:
        counts = {theirs: getattr(usage, ours) for theirs, ours in _COUNTS.items()}
        cost = None if usage.cost is None else str(usage.cost)
        return {**self._metadata, "usage": {**counts, "cost": cost}}


_PROGRESS = {"progress", "total", "message"}
_STAMPS = {"type", "seq", "run_id"}
_COUNTS = {
    "inputTokens": "input_tokens",
    "outputTokens": "output_tokens",
    "totalTokens": "total_tokens",
    "reasoningTokens": "reasoning_tokens",
    "cachedInputTokens": "cached_tokens",
}


def _question(approval: Approval) -> Frame:
    question = approval.question
    assert question is not None, "called for questions only"
    data = question.model_dump(mode="json", exclude_none=True, exclude={"asked"})
    told = {"approvalId": approval.id, "toolCallId": approval.call_id, "tool": approval.tool}
    return {"type": "data-question", "id": approval.id, "data": {**data, **told}}
