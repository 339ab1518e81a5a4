"""What tool calls ask people: leave to be made, and what a tool itself wants to know.

Called by `tool_calls`. A question is a step of the run that is stored as suspended before anybody
sees it, so it outlives every process; whoever answers it closes the step.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec
from pydantic import Field, JsonValue

from muxi.core.errors import InputNeeded, ToolFailed
from muxi.core.events import (
    Approval,
    ApprovalDecision,
    ApprovalRequested,
    ApprovalResolved,
    Event,
)
from muxi.core.ids import new_id
from muxi.core.messages import ToolCallPart
from muxi.core.ports import Context, Host
from muxi.core.questions import Answer, Answered, Question
from muxi.core.record import Record, now
from muxi.core.requests import ToolSpec
from muxi.core.steps import Step

_MOST_ROUNDS = 20
"""How often one call may raise `InputNeeded`: one that never has enough must not go on for ever."""

_MOST_AT_ONCE = 20
"""Questions of one round."""

_NEVER_ASKED = ApprovalDecision(decision="expired", reason="The call ended before an answer came.")


class Pending(Record):
    """What the step of a call keeps while the tool waits for a person."""

    arguments: dict[str, Any]
    """What the call was made with, after a person's changes."""
    questions: dict[str, Question]
    state: JsonValue = None
    round: int = Field(1, ge=1)


def pending_of(step: Step | None) -> Pending | None:
    """What the tool asked in an earlier attempt, if it did."""
    kept = None if step is None or step.result is None else step.result.get("pending")
    return None if kept is None else Pending.model_validate(kept)


@dataclass(slots=True, kw_only=True)
class Asking:
    """The questions of one message's calls."""

    ctx: Context
    host: Host
    emit: Callable[[Event], None]
    waiting: list[Approval] = field(default_factory=list[Approval])
    """What is open, so that the run must be suspended."""

    async def earlier(self, key: str) -> list[Step]:
        """What earlier attempts asked about leave for a call, the oldest first."""
        found: list[Step] = []
        while self.ctx.attempt > 1:
            step = await self.host.journal.find_step(self.ctx, _leave_key(key, len(found)))
            if step is None:
                break
            found.append(step)
        return found

    async def leave(
        self,
        key: str,
        call: ToolCallPart,
        spec: ToolSpec,
        reason: str,
        *,
        earlier: list[Step],
        begun: Step | None,
    ) -> ApprovalDecision | None:
        """A person's decision, with the arguments it allows, or None after a question was stored.

        Leave holds for one call. If that was begun and interrupted, the person is asked again,
        about what had been allowed.
        """
        arguments = call.arguments
        if earlier:
            last = earlier[-1]
            asked = _approval(last)
            if last.state != "done":
                self.waiting.append(asked)
                return None
            decision = ApprovalDecision.model_validate(last.result)
            arguments = asked.arguments if decision.arguments is None else decision.arguments
            if unused(last, begun):
                self.emit(
                    ApprovalResolved(approval_id=asked.id, call_id=call.id, decision=decision)
                )
                return decision.model_copy(update={"arguments": arguments})
        call = call.model_copy(update={"arguments": arguments})
        approval = self._approval(call, reason)
        await self._put(_leave_key(key, len(earlier)), approval, call=call, spec=spec)
        self.waiting.append(approval)
        return None

    def suspend(self, step: Step, call: ToolCallPart, needed: InputNeeded) -> Pending:
        """Let the step of a call wait for what its tool needs; `answered` puts the questions.

        Raises:
            ToolFailed: The tool asks for nothing, for too much, or without an end.
        """
        before = pending_of(step)
        count = 1 if before is None else before.round + 1
        if not 0 < len(needed.questions) <= _MOST_AT_ONCE or count > _MOST_ROUNDS:
            raise ToolFailed(
                f"{call.name} asked {len(needed.questions)} questions at once, after asking "
                f"{count - 1} times: a call may ask {_MOST_AT_ONCE} at once, {_MOST_ROUNDS} times."
            )
        pending = Pending(
            arguments=call.arguments, questions=needed.questions, state=needed.state, round=count
        )
        step.state = "suspended"
        step.result = {"pending": pending.model_dump(mode="json")}
        self.host.journal.close_step(self.ctx, step)
        return pending

    async def answered(self, key: str, call: ToolCallPart, pending: Pending) -> Answered | None:
        """What people said to a tool's questions, or None while one of them is open."""
        answers: dict[str, Answer] = {}
        resolved: list[ApprovalResolved] = []
        for number, (name, question) in enumerate(pending.questions.items()):
            place = f"question:{key}:{pending.round}:{number}"
            step = await self.host.journal.find_step(self.ctx, place)
            if step is None:
                approval = self._approval(call, question.message, question)
                await self._put(place, approval)
                self.waiting.append(approval)
            elif step.state != "done":
                self.waiting.append(_approval(step))
            else:
                decision = ApprovalDecision.model_validate(step.result)
                answers[name] = answer_of(decision)
                resolved.append(
                    ApprovalResolved(
                        approval_id=_approval(step).id, call_id=call.id, decision=decision
                    )
                )
        if len(answers) < len(pending.questions):
            return None
        for event in resolved:
            self.emit(event)
        return Answered(answers=answers, state=pending.state, round=pending.round)

    async def live(self, key: str, call: ToolCallPart, question: Question) -> Answer:
        """Ask while the tool waits in the middle of its call."""
        people = self.host.people
        if people is None:
            return Answer(action="cancel")
        approval = self._approval(call, question.message, question, live=True)
        step = await self._put(f"live:{key}:{approval.id}", approval)
        decision = _NEVER_ASKED
        try:
            decision = await people.decision(self.ctx, step)
        except asyncio.CancelledError:
            step.state = "done"
            step.result = {**(step.result or {}), **decision.model_dump(mode="json")}
            self.host.journal.close_step(self.ctx, step)
            raise
        finally:
            self.emit(ApprovalResolved(approval_id=approval.id, call_id=call.id, decision=decision))
        return answer_of(decision)

    def _approval(
        self,
        call: ToolCallPart,
        reason: str,
        question: Question | None = None,
        *,
        live: bool = False,
    ) -> Approval:
        # A client answers by the id of the call, which is all that its protocol knows.
        client = question is not None and question.asked == "client"
        return new_approval(
            self.ctx,
            self.host,
            id=call.id if client else None,
            tool=call.name,
            reason=reason,
            call=call,
            question=question,
            live=live,
        )

    async def _put(
        self,
        key: str,
        approval: Approval,
        *,
        call: ToolCallPart | None = None,
        spec: ToolSpec | None = None,
    ) -> Step:
        """Store a question, then show it; `call` and `spec` are what waits for leave."""
        result: dict[str, Any] = {"approval": approval.model_dump(mode="json")}
        input_hash = ""
        if call is not None and spec is not None:
            # What changed arguments must fit.
            result["parameters"] = spec.parameters
            input_hash = leave_hash(call, spec)
        step = await self.host.journal.open_step(
            self.ctx,
            Step(
                run_id=self.ctx.run_id,
                key=key,
                kind="approval",
                name=approval.tool,
                attempt=self.ctx.attempt,
                state="suspended",
                input_hash=input_hash,
                question_id=approval.id,
                expires_at=approval.expires_at,
                result=result,
            ),
        )
        self.emit(ApprovalRequested(approval=approval))
        return step


def new_approval(
    ctx: Context,
    host: Host,
    *,
    tool: str,
    reason: str,
    call: ToolCallPart | None = None,
    question: Question | None = None,
    live: bool = False,
    id: str | None = None,
) -> Approval:
    """A question of this run, which is to be stored before anybody sees it."""
    asked_at, within = now(), host.answer_within
    return Approval(
        id=id or new_id("apr"),
        run_id=ctx.run_id,
        thread_id=ctx.thread_id,
        agent=ctx.agent,
        call_id="" if call is None else call.id,
        tool=tool,
        arguments={} if call is None else call.arguments,
        reason=reason,
        question=question,
        live=live,
        asked_at=asked_at,
        expires_at=None if within is None else asked_at + timedelta(seconds=within),
    )


def unused(asked: Step, begun: Step | None) -> bool:
    """Whether leave that was asked for still holds: what was begun since has used it up."""
    return begun is None or begun.attempt <= asked.attempt


def answer_of(decision: ApprovalDecision) -> Answer:
    """A person's decision, as the tool that asked is told of it."""
    if decision.decision in ("answer", "approve"):
        return Answer(action="accept", value=decision.answer)
    return Answer(action="decline" if decision.decision == "deny" else "cancel")


def fingerprint(value: Any) -> str:
    """SHA-256 of the canonical JSON of a call's arguments, or of any value."""
    text = msgspec.json.encode(value, enc_hook=str, order="deterministic")
    return hashlib.sha256(text).hexdigest()


def leave_hash(call: ToolCallPart, spec: ToolSpec) -> str:
    """The same for two calls of the same tool, as it was shown to the model, with the same
    arguments: leave for one may be leave for the other."""
    return fingerprint([spec.name, spec.version, spec.parameters, call.arguments])


def _leave_key(key: str, before: int) -> str:
    """Key of a question about leave for a call, of which so many were put before."""
    return f"approval:{key}:{before + 1}" if before else f"approval:{key}"


def _approval(step: Step) -> Approval:
    return Approval.model_validate((step.result or {})["approval"])
