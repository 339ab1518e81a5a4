"""Everything that happens in a run, as one stream of events. All doors render these and no others.

A model yields the events marked *model*; an agent passes them on and adds its own; the process that
holds the thread's lease gives each its number and its run. An event is built once and encoded once.
"""

# pyright: reportIncompatibleVariableOverride=false
# Each kind of event narrows the `type` of `Event` to its own name, which is never assigned.

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, JsonValue, Tag, TypeAdapter, model_validator

from muxi.core.documents import Citation
from muxi.core.messages import AnyPart, Message, Role, StopReason, ToolResultPart
from muxi.core.questions import Question
from muxi.core.record import Record
from muxi.core.summaries import CompactionStrategy
from muxi.core.usage import Usage

RunStatus = Literal[
    "queued", "running", "waiting", "completed", "failed", "cancelled", "limited", "blocked"
]
"""`waiting`: a person must decide. `limited`: a limit stopped it. `blocked`: a guardrail did."""

FINAL_STATUSES: frozenset[str] = frozenset(
    {"completed", "failed", "cancelled", "limited", "blocked"}
)


class Problem(Record):
    """An error as a value: what a reader of events and of the API is told."""

    code: str
    message: str
    hint: str | None = None
    details: dict[str, JsonValue] = Field(default_factory=dict)


class Approval(Record):
    """A question to a person: may this call be made? With `question`: what do you say to this?"""

    id: str
    run_id: str
    thread_id: str = ""
    agent: str = ""
    call_id: str
    tool: str
    arguments: dict[str, Any]
    reason: str
    """Why it is asked, in words."""
    question: Question | None = None
    """What the tool wants to know; None when a call waits for leave."""
    live: bool = False
    """Whether the tool waits in the middle of its call, so that the run is not suspended."""
    asked_at: datetime | None = None
    expires_at: datetime | None = None
    """When the question closes by itself; None for never."""

    @property
    def of_client(self) -> bool:
        """Whether it is a call that the program which began the run is to make."""
        return self.question is not None and self.question.asked == "client"


class ApprovalDecision(Record):
    """A person's answer."""

    decision: Literal["approve", "deny", "answer", "expired"]
    """`approve` and `deny` a call, `answer` a question; `deny` declines one. `expired`: nobody has
    answered in time, which the project says of itself."""
    arguments: dict[str, Any] | None = None
    """With `approve`: what the call is made with, in place of what the model asked for."""
    answer: JsonValue = None
    """With `answer`: what the person says, which fits the question's schema."""
    remember: bool = False
    """With `approve`: in this thread, the same call with the same arguments needs no further leave
    of this person."""
    reason: str | None = None
    """Why it was denied; the model is told."""
    by: str | None = None


class Event(Record):
    """What all events share. `seq` and `run_id` are stamped by whoever drives the run."""

    type: str
    run_id: str = ""
    seq: int = 0
    """Place in the thread's stream; 0 when nobody numbers the run."""


class RunStarted(Event):
    """The first event of a run, and of each attempt at it."""

    type: Literal["run.started"] = "run.started"
    thread_id: str
    agent: str
    agent_hash: str | None = None
    model: str | None = None
    parent_run_id: str | None = None


class AttemptStarted(Event):
    """A successor took over after a crash. Text after `replaces_from` that belongs to no completed
    message is void; readers drop it."""

    type: Literal["attempt.started"] = "attempt.started"
    attempt: int
    replaces_from: int


class MessageStarted(Event):
    """A model begins to answer; the deltas that follow in this run belong to this message."""

    type: Literal["message.started"] = "message.started"
    message_id: str
    role: Role = "assistant"
    author: str | None = None
    model: str | None = None


class TextDelta(Event):
    """*model.* A piece of the text of part `index`."""

    type: Literal["text.delta"] = "text.delta"
    index: int = 0
    text: str


class ReasoningDelta(Event):
    """*model.* A piece of the reasoning of part `index`."""

    type: Literal["reasoning.delta"] = "reasoning.delta"
    index: int = 0
    text: str


class ToolCallStarted(Event):
    """*model.* The model begins to write a call."""

    type: Literal["tool_call.started"] = "tool_call.started"
    index: int = 0
    call_id: str
    name: str


class ToolCallDelta(Event):
    """*model.* A piece of the JSON text of the arguments of part `index`."""

    type: Literal["tool_call.delta"] = "tool_call.delta"
    index: int = 0
    call_id: str
    text: str


class ModelRetried(Event):
    """*model.* A call failed before its first delta and is made again, here or elsewhere."""

    type: Literal["model.retried"] = "model.retried"
    model: str
    attempt: int
    """Number of the attempt that failed, from 1."""
    delay: float
    """Seconds until the next attempt."""
    problem: Problem


class ResponseCompleted(Event):
    """*model.* The last event of a model's stream: the whole answer. Agents turn it into
    `message.completed`; readers do not see it."""

    type: Literal["response.completed"] = "response.completed"
    parts: list[AnyPart]
    usage: Usage
    stop_reason: StopReason
    model: str
    """`provider/model`, as the provider reports it."""
    response_id: str | None = None


class MessageCompleted(Event):
    """A message is whole: an answer of the model, or the results of its tool calls."""

    type: Literal["message.completed"] = "message.completed"
    message: Message


class ToolStarted(Event):
    """A call is being made."""

    type: Literal["tool.started"] = "tool.started"
    call_id: str
    name: str
    arguments: dict[str, Any]


class ToolProgress(Event):
    """What a tool reports while it works."""

    type: Literal["tool.progress"] = "tool.progress"
    call_id: str
    name: str
    progress: float | None = None
    total: float | None = None
    message: str | None = None


class ToolCompleted(Event):
    """A call has its result; `result.outcome` says whether it succeeded."""

    type: Literal["tool.completed"] = "tool.completed"
    result: ToolResultPart
    seconds: float
    replayed: bool = False
    """Whether the result was taken from the journal, not from a new call."""


class ApprovalRequested(Event):
    """A person must decide about a call before it is made."""

    type: Literal["approval.requested"] = "approval.requested"
    approval: Approval


class ApprovalResolved(Event):
    """A person has decided."""

    type: Literal["approval.resolved"] = "approval.resolved"
    approval_id: str
    call_id: str
    decision: ApprovalDecision


class GuardrailTripped(Event):
    """A guardrail found something in what goes in or in what comes out."""

    type: Literal["guardrail.tripped"] = "guardrail.tripped"
    guardrail: str
    side: Literal["input", "output"]
    action: Literal["block", "rewrite", "ask"]
    reason: str


class RecallHit(Record):
    """One memory that an answer was given, by id: what it says is not told twice."""

    id: str
    score: float
    kind: str
    """`turn`, `note` or `fact`."""


class MemoryRecalled(Event):
    """Memories were searched for this run; these were shown to the model."""

    type: Literal["memory.recalled"] = "memory.recalled"
    query: str
    """What was searched for, cut to 500 characters; empty for what is known of the user."""
    hits: list[RecallHit]
    embedder: str | None = None
    """The embedding model that took part; None if words alone were compared."""
    note: str | None = None
    """What kept the search from being whole."""


class KnowledgeHit(Record):
    """One piece of a document that an answer was given; what it says is not told twice."""

    id: str
    score: float
    citation: Citation


class KnowledgeRecalled(Event):
    """Documents were searched for this run; these pieces were shown to the model."""

    type: Literal["knowledge.recalled"] = "knowledge.recalled"
    query: str
    """What was searched for, cut to 500 characters."""
    hits: list[KnowledgeHit]
    embedder: str | None = None
    """The embedding model that took part; None if words alone were compared."""
    note: str | None = None
    """What kept the search from being whole."""


class HistoryCompacted(Event):
    """Older messages of the thread were summarised since its last run. They can still be read."""

    type: Literal["history.compacted"] = "history.compacted"
    strategy: CompactionStrategy
    summary_ids: list[str]
    """The summaries that were made."""
    first_message_id: str
    last_message_id: str
    """The path from the first message to this one is what they stand for."""
    messages: int
    """How many messages they newly stand for."""
    tokens_before: int
    """Tokens of what was summarised, estimated from above."""
    tokens_after: int
    """Tokens of the summaries, likewise."""
    model: str | None = None
    """The model that wrote them; None when none did."""
    usage: Usage | None = None
    """What that consumed, beside the usage of the run."""


class RunSuspended(Event):
    """The run waits for a person and holds no process meanwhile; it goes on as a new attempt."""

    type: Literal["run.suspended"] = "run.suspended"
    approvals: list[Approval]
    usage: Usage


class RunCompleted(Event):
    """The last event of a run, whatever its end."""

    type: Literal["run.completed"] = "run.completed"
    status: RunStatus
    text: str = ""
    """Text of the final answer, or as much of it as there is."""
    output: JsonValue = None
    """The structured output, when one was asked for."""
    usage: Usage
    problem: Problem | None = None
    limit: str | None = None
    """Name of the limit that stopped the run."""


class Gap(Event):
    """Events after `from_seq` are not told, up to number `seq`: they are no longer kept, or are
    more than a reader is told who comes back or is slow. The snapshot has all that they led to."""

    type: Literal["gap"] = "gap"
    from_seq: int
    thread_id: str
    snapshot: str = ""
    """Path of what to read in their place: the thread's messages."""

    @model_validator(mode="after")
    def _find_snapshot(self) -> Gap:
        self.snapshot = self.snapshot or f"/api/threads/{self.thread_id}/messages"
        return self


class UnknownEvent(Event):
    """An event of a kind that this version does not know; kept and passed on unchanged."""


KINDS: dict[str, type[Event]] = {
    kind.model_fields["type"].default: kind
    for kind in (
        RunStarted,
        AttemptStarted,
        MessageStarted,
        TextDelta,
        ReasoningDelta,
        ToolCallStarted,
        ToolCallDelta,
        ModelRetried,
        ResponseCompleted,
        MessageCompleted,
        ToolStarted,
        ToolProgress,
        ToolCompleted,
        ApprovalRequested,
        ApprovalResolved,
        GuardrailTripped,
        MemoryRecalled,
        KnowledgeRecalled,
        HistoryCompacted,
        RunSuspended,
        RunCompleted,
        Gap,
    )
}
"""Every kind of event, by its type."""


def _kind(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- raw input of any shape
    if not isinstance(kind, str):
        return None
    return kind if kind in KINDS else "unknown"


ModelEvent = (
    TextDelta | ReasoningDelta | ToolCallStarted | ToolCallDelta | ModelRetried | ResponseCompleted
)
"""What a model's stream consists of; the last one is a `ResponseCompleted`."""

AnyEvent = Annotated[
    Annotated[RunStarted, Tag("run.started")]
    | Annotated[AttemptStarted, Tag("attempt.started")]
    | Annotated[MessageStarted, Tag("message.started")]
    | Annotated[TextDelta, Tag("text.delta")]
    | Annotated[ReasoningDelta, Tag("reasoning.delta")]
    | Annotated[ToolCallStarted, Tag("tool_call.started")]
    | Annotated[ToolCallDelta, Tag("tool_call.delta")]
    | Annotated[ModelRetried, Tag("model.retried")]
    | Annotated[ResponseCompleted, Tag("response.completed")]
    | Annotated[MessageCompleted, Tag("message.completed")]
    | Annotated[ToolStarted, Tag("tool.started")]
    | Annotated[ToolProgress, Tag("tool.progress")]
    | Annotated[ToolCompleted, Tag("tool.completed")]
    | Annotated[ApprovalRequested, Tag("approval.requested")]
    | Annotated[ApprovalResolved, Tag("approval.resolved")]
    | Annotated[GuardrailTripped, Tag("guardrail.tripped")]
    | Annotated[MemoryRecalled, Tag("memory.recalled")]
    | Annotated[KnowledgeRecalled, Tag("knowledge.recalled")]
    | Annotated[HistoryCompacted, Tag("history.compacted")]
    | Annotated[RunSuspended, Tag("run.suspended")]
    | Annotated[RunCompleted, Tag("run.completed")]
    | Annotated[Gap, Tag("gap")]
    | Annotated[UnknownEvent, Tag("unknown")],
    Discriminator(_kind),
]


class ThreadEvent(Record):
    """An event and the thread in which it happened."""

    thread_id: str
    event: AnyEvent


_adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def parse_event(data: bytes | str) -> Event:
    """The event that `data`, one JSON object, describes.

    Raises:
        pydantic.ValidationError: `data` is not JSON, or a known event lacks a field.
    """
    return _adapter.validate_json(data)
