"""Answers a model's tool calls: in parallel, with policy, approvals, time limits and the journal.

Called by `run` after each turn, and again when a run goes on after a crash or an approval. A call
that the journal knows as done is never made twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from muxi.core.errors import (
    MuxiError,
    ToolArgumentsInvalid,
    ToolDenied,
    ToolError,
    ToolFailed,
    ToolNotFound,
    ToolTimeout,
    summarize,
)
from muxi.core.events import (
    Approval,
    ApprovalDecision,
    ApprovalRequested,
    ApprovalResolved,
    Event,
    ToolCompleted,
    ToolStarted,
)
from muxi.core.ids import new_id
from muxi.core.messages import (
    Message,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
    media,
)
from muxi.core.ports import Context, Host, Verdict
from muxi.core.requests import ToolSpec
from muxi.core.steps import Step
from muxi.core.usage import Usage
from muxi.telemetry.redaction import SECRETS
from muxi.tools.toolset import Toolset

_BACKOFF = 0.2
"""Seconds before the first retry of a tool; doubled each time."""

_PATIENCE = 3.0
"""Seconds that a cancelled tool has to stop; after that the run goes on without it."""

_deserted: set[asyncio.Task[None]] = set()
"""Calls that did not stop: kept from being collected while they are under way."""


@dataclass(slots=True)
class Offer:
    """The tools of one turn: what the model is shown, and whom to call."""

    specs: tuple[ToolSpec, ...]
    homes: dict[str, tuple[Toolset, ToolSpec]]


async def offer(toolsets: Sequence[Toolset], ctx: Context) -> Offer:
    """Ask the toolsets what this run may use.

    Raises:
        ToolError: Two toolsets have a tool of the same name.
    """
    homes: dict[str, tuple[Toolset, ToolSpec]] = {}
    for toolset in toolsets:
        for spec in await toolset.specs(ctx):
            if spec.name in homes:
                raise ToolError(
                    f"Two tools are called {spec.name}.",
                    hint="Rename one of them, or give one toolset a prefix.",
                    tool=spec.name,
                )
            homes[spec.name] = (toolset, spec)
    return Offer(tuple(spec for _, spec in homes.values()), homes)


@dataclass(slots=True, kw_only=True)
class ToolCalls:
    """The calls of one message, and after `stream` has ended, their results."""

    message: Message
    offer: Offer
    ctx: Context
    host: Host
    allowed: int
    """How many of the calls may be made; the rest is cancelled by the run's limit."""
    deadline: float | None = None
    results: dict[str, ToolResultPart] = field(default_factory=dict[str, ToolResultPart])
    approvals: list[Approval] = field(default_factory=list[Approval])
    """Calls that wait for a person when `stream` has ended."""
    _events: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue["Event | None"])
    _over: bool = False
    """Whether what a call still says or gives is void."""

    async def stream(self) -> AsyncGenerator[Event]:
        """Events of all calls as they happen. Closing it cancels the calls that are under way.

        One that does not stop is deserted, and what comes of it is void.
        """
        calls = self.message.tool_calls
        tasks = [
            asyncio.create_task(self._answer(number, call), name=f"tool {call.name}")
            for number, call in enumerate(calls[: self.allowed])
        ]
        running = len(tasks)
        try:
            while running:
                event = await self._events.get()
                if event is None:
                    running -= 1
                else:
                    yield event
            for task in tasks:
                task.result()
        finally:
            try:
                await _end(tasks)
            finally:
                self._over = True
        for call in calls[self.allowed :]:
            result = failure(call, "The run's limit of tool calls was reached.", "cancelled")
            self.results[call.id] = result

    async def _answer(self, number: int, call: ToolCallPart) -> None:
        try:
            result = await self._decide(f"{self.message.id}:{number}", call)
            if result is not None:
                self.results[call.id] = result
        finally:
            self._events.put_nowait(None)

    async def _decide(self, key: str, call: ToolCallPart) -> ToolResultPart | None:
        """The result of one call, or None if a person must decide first."""
        home = self.offer.homes.get(call.name)
        if home is None:
            return self._unknown(call)
        if call.malformed is not None:
            text = f"The arguments are not a JSON object: {call.malformed[:500]}"
            return self._refuse(call, ToolArgumentsInvalid(text))
        toolset, spec = home
        # Only a successor can find a step that somebody else has opened.
        known = (
            await self.host.journal.find_step(self.ctx, f"tool:{key}") if self._resumed else None
        )
        if known is not None and known.state == "done":
            result = ToolResultPart.model_validate(known.result)
            self._emit(ToolCompleted(result=result, seconds=result.seconds or 0.0, replayed=True))
            return result
        interrupted = known is not None and not spec.idempotent
        verdict = await self._verdict(call, spec, interrupted=interrupted)
        if verdict.verdict == "deny":
            return self._refuse(call, ToolDenied(verdict.reason or None))
        if verdict.verdict == "ask":
            decision = await self._ask(key, call, verdict.reason, begun=known)
            if decision is None:
                return None
            if decision.decision == "deny":
                words = f"A person refused this call. {decision.reason or ''}".strip()
                return self._refuse(call, ToolDenied(words), "denied")
            call = call.model_copy(update={"arguments": decision.arguments})
        return await self._make(f"tool:{key}", call, toolset, spec)

    async def _verdict(self, call: ToolCallPart, spec: ToolSpec, *, interrupted: bool) -> Verdict:
        if interrupted:
            reason = f"{spec.name} was interrupted and may have taken effect. Call it again?"
            return Verdict("ask", reason)
        return await self.host.policy.decide(self.ctx, call, spec)

    async def _ask(
        self, key: str, call: ToolCallPart, reason: str, *, begun: Step | None
    ) -> ApprovalDecision | None:
        """A person's decision, with the arguments it allows, or None after a question was stored.

        Leave holds for one call. If that was begun and interrupted, the person is asked again,
        about what had been allowed.
        """
        questions = await self._questions(key)
        arguments = call.arguments
        if questions:
            last = questions[-1]
            result = last.result or {}
            asked = Approval.model_validate(result["approval"])
            if last.state != "done":
                self.approvals.append(asked)
                return None
            decision = ApprovalDecision.model_validate(result)
            arguments = asked.arguments if decision.arguments is None else decision.arguments
            # What was begun after the question was put has used its answer up.
            if begun is None or begun.attempt <= last.attempt:
                self._emit(
                    ApprovalResolved(approval_id=asked.id, call_id=call.id, decision=decision)
                )
                return decision.model_copy(update={"arguments": arguments})
        approval = Approval(
            id=new_id("apr"),
            run_id=self.ctx.run_id,
            call_id=call.id,
            tool=call.name,
            arguments=arguments,
            reason=reason,
        )
        await self._put(_question(key, len(questions)), approval)
        return None

    async def _questions(self, key: str) -> list[Step]:
        """What earlier attempts have asked about this call, the oldest first."""
        found: list[Step] = []
        while self._resumed:
            step = await self.host.journal.find_step(self.ctx, _question(key, len(found)))
            if step is None:
                break
            found.append(step)
        return found

    async def _put(self, key: str, approval: Approval) -> None:
        """Store a question, then show it."""
        await self.host.journal.open_step(
            self.ctx,
            Step(
                run_id=self.ctx.run_id,
                key=key,
                kind="approval",
                name=approval.tool,
                attempt=self.ctx.attempt,
                state="suspended",
                result={"approval": approval.model_dump(mode="json")},
            ),
        )
        self.approvals.append(approval)
        self._emit(ApprovalRequested(approval=approval))

    async def _make(
        self, key: str, call: ToolCallPart, toolset: Toolset, spec: ToolSpec
    ) -> ToolResultPart:
        """Make the call, with its step written before and closed after it."""
        ctx = self.ctx
        usage = Usage(tool_calls=1)
        reservation = await self.host.ledger.reserve(ctx, lambda: usage)
        step = await self.host.journal.open_step(
            ctx,
            Step(
                run_id=ctx.run_id,
                key=key,
                kind="tool",
                name=call.name,
                attempt=ctx.attempt,
                input_hash=_hash(call.arguments),
            ),
        )
        ctx.usage.tool_calls += 1
        self._emit(ToolStarted(call_id=call.id, name=call.name, arguments=call.arguments))
        started = time.perf_counter()
        inner = ctx.for_call(call.id, f"{ctx.run_id}:{key}", self._emit)
        try:
            content = await self._attempts(call, toolset, spec, inner)
            if self.host.media is not None and any(media(content)):
                content = await self.host.media.lay_down(content)
            result = ToolResultPart(call_id=call.id, name=call.name, content=content)
        except MuxiError as error:
            # Foreign code may say what it was given, such as the header of a request.
            result = failure(call, SECRETS.redact(summarize(error)))
        finally:
            await self.host.ledger.settle(ctx, reservation, usage)
        if self._over:
            raise asyncio.CancelledError
        result.seconds = time.perf_counter() - started
        step.state = "done"
        step.result = result.model_dump(mode="json", exclude_none=True)
        self.host.journal.close_step(ctx, step)
        self._emit(ToolCompleted(result=result, seconds=result.seconds))
        return result

    async def _attempts(
        self, call: ToolCallPart, toolset: Toolset, spec: ToolSpec, ctx: Context
    ) -> list[ToolContent]:
        for attempt in range(spec.retries + 1):
            try:
                return await self._once(call, toolset, spec, ctx)
            except ToolError as error:
                if attempt == spec.retries or not error.retryable:
                    raise
            await asyncio.sleep(_BACKOFF * 2**attempt)
        raise ToolFailed(f"{spec.name} was not tried.")

    async def _once(
        self, call: ToolCallPart, toolset: Toolset, spec: ToolSpec, ctx: Context
    ) -> list[ToolContent]:
        seconds = spec.timeout
        if self.deadline is not None:
            rest = max(0.0, self.deadline - time.monotonic())
            seconds = rest if seconds is None else min(seconds, rest)
        timer = asyncio.timeout(seconds)
        try:
            async with timer:
                return await toolset.call(call.name, call.arguments, ctx)
        except TimeoutError as error:
            if timer.expired():
                raise ToolTimeout(f"{spec.name} took longer than {seconds:g} s.") from None
            raise ToolFailed(f"{spec.name} failed: {error or 'TimeoutError'}.") from None
        except MuxiError:
            raise
        except Exception as error:
            # A tool is foreign code: whatever it raises is told to the model.
            raise ToolFailed(
                f"{spec.name} failed: {type(error).__name__}: {error}"[:2000]
            ) from error

    def _unknown(self, call: ToolCallPart) -> ToolResultPart:
        names = ", ".join(sorted(self.offer.homes)) or "none"
        text = f"There is no tool called {call.name[:100]}. Tools: {names}."
        return self._refuse(call, ToolNotFound(text, hint=""))

    def _refuse(
        self, call: ToolCallPart, error: ToolError, outcome: Any = "error"
    ) -> ToolResultPart:
        """The result of a call that was not made; it counts, so that a loop of them ends."""
        self.ctx.usage.tool_calls += 1
        result = failure(call, summarize(error), outcome)
        self._emit(ToolCompleted(result=result, seconds=0.0))
        return result

    def _emit(self, event: Event) -> None:
        if not self._over:
            self._events.put_nowait(event)

    @property
    def _resumed(self) -> bool:
        return self.ctx.attempt > 1

    def tool_message(self) -> Message:
        """The results, in the order of the calls, as one message."""
        return Message(
            role="tool",
            parts=[self.results[call.id] for call in self.message.tool_calls],
        )


def failure(call: ToolCallPart, text: str, outcome: Any = "error") -> ToolResultPart:
    """A result that says what went wrong, for the model to read."""
    return ToolResultPart(
        call_id=call.id, name=call.name, content=[TextPart(text=text)], outcome=outcome
    )


def _question(key: str, before: int) -> str:
    """Key of a question about a call, of which so many were put before."""
    return f"approval:{key}:{before + 1}" if before else f"approval:{key}"


def _hash(arguments: dict[str, Any]) -> str:
    text = msgspec.json.encode(arguments, enc_hook=str, order="deterministic")
    return hashlib.sha256(text).hexdigest()


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel what is still under way and give it a moment to stop."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
        _deserted.add(task)
        task.add_done_callback(_forget)
    if pending:
        await asyncio.wait(pending, timeout=_PATIENCE)


def _forget(task: asyncio.Task[None]) -> None:
    _deserted.discard(task)
    if not task.cancelled():
        # Nobody else asks, and asyncio would log what nobody has asked for.
        task.exception()
