"""Guardrails inside a run: findings into events, approvals and remembered decisions.

Called by `run`. What a guardrail changed is stored as a step, so that a run which goes on in
another process sees the changed text and not the original.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from muxi.agents.asking import new_approval
from muxi.agents.guardrails import Ask, Block, Guardrail, Rewrite, Side, gravest, inspect_text
from muxi.core.errors import GuardrailBlocked
from muxi.core.events import (
    Approval,
    ApprovalDecision,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    GuardrailTripped,
)
from muxi.core.messages import Message
from muxi.core.ports import Context, Host
from muxi.core.steps import Step


@dataclass(slots=True)
class Judgement:
    """What the guardrails of one side say of one text."""

    events: list[Event] = field(default_factory=list[Event])
    text: str | None = None
    """Another text to go on with."""
    blocked: GuardrailBlocked | None = None
    waiting: Approval | None = None

    @property
    def stops(self) -> bool:
        """Whether the model must not be heard as things stand."""
        return self.text is not None or self.blocked is not None or self.waiting is not None


@dataclass(slots=True, kw_only=True)
class Checks:
    """The guardrails of one run."""

    guardrails: Sequence[Guardrail]
    ctx: Context
    host: Host
    input: Judgement | None = None
    """Set once the input guardrails have spoken."""

    def rails(self, side: Side) -> Sequence[Guardrail]:
        if not self.guardrails:
            return ()
        return [rail for rail in self.guardrails if rail.side == side]

    @property
    def holds(self) -> bool:
        """Whether the answer must be checked before anybody sees it."""
        return any(rail.hold for rail in self.rails("output"))

    async def gated(self, events: AsyncGenerator[Event], text: str) -> AsyncGenerator[Event]:
        """`events` of a model's turn, held until the input guardrails have passed `text`.

        Both work at once. When `input` stops the turn, nothing of it is given out.
        """
        verdict = asyncio.create_task(self.judge("input", 0, text))
        first = asyncio.create_task(anext(events, None))
        try:
            await asyncio.wait({verdict, first}, return_when=asyncio.FIRST_COMPLETED)
            self.input = await verdict
            for event in self.input.events:
                yield event
            if self.input.stops:
                return
            event = await first
            if event is not None:
                yield event
        finally:
            verdict.cancel()
            first.cancel()
            await asyncio.gather(verdict, first, return_exceptions=True)
        async for event in events:
            yield event

    async def judge(
        self, side: Side, number: int, text: str, message: Message | None = None
    ) -> Judgement:
        """Let the guardrails of one side look at `text`, or recall what was decided before.

        `message` is kept with a question to a person, so that the same answer can go out later.
        """
        recalled = await self.recall(side, number)
        if recalled is not None:
            return recalled
        rails = self.rails(side)
        if not rails:
            return Judgement()
        tripped = await inspect_text(rails, text, self.ctx)
        found = [
            GuardrailTripped(
                guardrail=trip.guardrail.title,
                side=side,
                action=_action(trip.finding),
                reason=trip.finding.reason,
            )
            for trip in tripped
        ]
        events: list[Event] = [*found]
        trip = gravest(tripped)
        judgement = Judgement(events)
        if trip is None:
            return judgement
        if isinstance(trip.finding, Block):
            judgement.blocked = GuardrailBlocked(
                f"{trip.guardrail.title} stopped the run: {trip.finding.reason}",
                guardrail=trip.guardrail.title,
                side=side,
            )
        elif isinstance(trip.finding, Ask):
            judgement.waiting = await self._ask(side, number, trip.guardrail, message)
            events.append(ApprovalRequested(approval=judgement.waiting))
        else:
            judgement.text = trip.finding.text
            await self._remember(side, number, trip.guardrail, trip.finding)
        return judgement

    async def recall(self, side: Side, number: int) -> Judgement | None:
        """What an earlier attempt of this run decided, if it did."""
        if self.ctx.attempt == 1:
            return None
        rewrite = await self.host.journal.find_step(self.ctx, f"guardrail:{side}:{number}")
        if rewrite is not None and rewrite.result is not None:
            return Judgement(text=str(rewrite.result["text"]))
        step = await self.host.journal.find_step(self.ctx, f"approval:{side}:{number}")
        if step is None or step.result is None:
            return None
        if step.state != "done":
            return Judgement(waiting=Approval.model_validate(step.result["approval"]))
        decision = ApprovalDecision.model_validate(step.result)
        approval_id = str(step.result.get("id", ""))
        judgement = Judgement(
            [ApprovalResolved(approval_id=approval_id, call_id="", decision=decision)]
        )
        if decision.decision != "approve":
            reason = decision.reason or "A person refused it."
            judgement.blocked = GuardrailBlocked(f"{step.name} stopped the run: {reason}")
        return judgement

    async def held_message(self, number: int) -> Message | None:
        """The answer about which a person was asked in an earlier attempt."""
        if self.ctx.attempt == 1:
            return None
        step = await self.host.journal.find_step(self.ctx, f"approval:output:{number}")
        held = None if step is None or step.result is None else step.result.get("message")
        return None if held is None else Message.model_validate(held)

    async def _ask(
        self, side: Side, number: int, rail: Guardrail, message: Message | None
    ) -> Approval:
        approval = new_approval(
            self.ctx,
            self.host,
            tool=rail.title,
            reason=f"{rail.title} asks whether this {side} may pass.",
        )
        result: dict[str, object] = {"approval": approval.model_dump(mode="json")}
        if message is not None:
            result["message"] = message.model_dump(mode="json", exclude_none=True)
        await self._store(f"approval:{side}:{number}", rail.title, result, approval)
        return approval

    async def _remember(self, side: Side, number: int, rail: Guardrail, finding: Rewrite) -> None:
        await self._store(f"guardrail:{side}:{number}", rail.title, {"text": finding.text})

    async def _store(
        self, key: str, name: str, result: dict[str, object], asked: Approval | None = None
    ) -> None:
        step = Step(
            run_id=self.ctx.run_id,
            key=key,
            kind="guardrail" if asked is None else "approval",
            name=name,
            attempt=self.ctx.attempt,
            state="done" if asked is None else "suspended",
            question_id=None if asked is None else asked.id,
            expires_at=None if asked is None else asked.expires_at,
            result=result,
        )
        await self.host.journal.open_step(self.ctx, step)


def _action(finding: Block | Rewrite | Ask) -> Literal["block", "rewrite", "ask"]:
    if isinstance(finding, Block):
        return "block"
    return "ask" if isinstance(finding, Ask) else "rewrite"
