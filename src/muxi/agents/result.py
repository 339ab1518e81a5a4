"""What a run came to, for Python callers: a fold of its events. Made by `agent`."""

from __future__ import annotations

from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar, cast

from muxi.core.context import RunContext
from muxi.core.errors import GuardrailBlocked, LimitReached, RunCancelled, RunError, RunWaiting
from muxi.core.events import (
    Approval,
    ApprovalDecision,
    Event,
    MessageCompleted,
    Problem,
    RunCompleted,
    RunStatus,
    RunSuspended,
    TextDelta,
)
from muxi.core.messages import Message
from muxi.core.ports import Host
from muxi.core.problems import error_of
from muxi.core.usage import Usage

Out = TypeVar("Out")

Answer = Literal["approve", "deny"] | ApprovalDecision
Answers = Mapping[str, Answer]
"""Approval id to decision."""

_ENDS: dict[str, type[RunError]] = {
    "waiting": RunWaiting,
    "limited": LimitReached,
    "blocked": GuardrailBlocked,
    "cancelled": RunCancelled,
}


@dataclass(slots=True, kw_only=True)
class RunResult(Generic[Out]):
    """The outcome of a run. `status` says how it ended; all that exists is kept."""

    status: RunStatus
    text: str
    """The final answer, or as much of it as there is."""
    messages: list[Message]
    """The input and everything the run added to the thread, oldest first."""
    usage: Usage
    approvals: list[Approval] = field(default_factory=list[Approval])
    """Calls that wait for a person; non-empty only when `status` is `waiting`."""
    problem: Problem | None = None
    limit: str | None = None
    """Name of the limit that stopped the run."""
    ctx: RunContext[Any]
    host: Host = field(repr=False)
    value: Out | None = None

    @property
    def output(self) -> Out:
        """The answer in the shape that was asked for; the text when none was.

        Raises:
            RunError: The run did not complete; which one says why.
        """
        if self.status != "completed":
            message = self.problem.message if self.problem else None
            raise _ENDS.get(self.status, RunError)(message)
        return cast("Out", self.value)


async def fold(
    events: AsyncIterable[Event], *, input: list[Message], ctx: RunContext[Any], host: Host
) -> RunResult[Any]:
    """The result of a stream of events that ends as a run ends.

    Raises:
        MuxiError: The run failed.
    """
    messages = list(input)
    async for event in events:
        if type(event) is TextDelta:
            continue
        if isinstance(event, MessageCompleted):
            messages.append(event.message)
        elif isinstance(event, RunSuspended):
            return RunResult(
                status="waiting",
                text="",
                messages=messages,
                usage=event.usage,
                approvals=event.approvals,
                ctx=ctx,
                host=host,
            )
        elif isinstance(event, RunCompleted):
            if event.status == "failed" and event.problem is not None:
                raise error_of(event.problem)
            return RunResult(
                status=event.status,
                text=event.text,
                messages=messages,
                usage=event.usage,
                problem=event.problem,
                limit=event.limit,
                ctx=ctx,
                host=host,
            )
    raise RunError("The run's events ended before the run did.")
