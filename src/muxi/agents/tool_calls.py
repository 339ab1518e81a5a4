"""Answers a model's tool calls: in parallel, with policy, approvals, time limits and the journal.

Called by `run` after each turn, and again when a run goes on after a crash or an approval. A call
that the journal knows as done is never made twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from muxi.agents.asking import Asking, fingerprint, pending_of, unused
from muxi.agents.offer import Offer
from muxi.core.errors import (
    InputNeeded,
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
    Event,
    ToolCompleted,
    ToolStarted,
)
from muxi.core.messages import (
    Message,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
    media,
)
from muxi.core.ports import Context, Estimate, Host, Verdict
from muxi.core.questions import Answer, Answered, Question
from muxi.core.requests import ToolSpec
from muxi.core.steps import Step
from muxi.core.usage import Usage
from muxi.telemetry.redaction import SECRETS
from muxi.tools.toolset import Toolset

_BACKOFF = 0.2
"""Seconds before the first retry of a tool; doubled each time."""

_PATIENCE = 3.0
"""Seconds that a cancelled tool has to stop; after that the run goes on without it."""

_GRACE = 2.0
"""Seconds that a tool has to stop when its own time is up."""

_deserted: set[asyncio.Task[Any]] = set()
"""Calls that did not stop: kept from being collected while they are under way."""


@dataclass(slots=True)
class _Call:
    """A call under way: what it may say, and how long it may take."""

    emit: Callable[[Event], None]
    deadline: float | None
    """When the run must end, by `time.monotonic`."""
    over: bool = False
    """Whether what it still says or gives is void."""
    _timer: asyncio.Timeout | None = None
    _asking: int = 0
    _left: float | None = None

    def say(self, event: Event) -> None:
        if not self.over:
            self.emit(event)

    def bound(self, seconds: float | None) -> float | None:
        """`seconds`, or what is left of the run, if that is less."""
        if self.deadline is None:
            return seconds
        rest = max(0.0, self.deadline - time.monotonic())
        return rest if seconds is None else min(seconds, rest)

    def timer(self, seconds: float | None) -> asyncio.Timeout:
        self._timer = asyncio.timeout(seconds)
        return self._timer

    @contextmanager
    def stopped(self) -> Generator[None]:
        """The tool's clock does not run while a person thinks; the run's does."""
        loop = asyncio.get_running_loop()
        timer = self._timer
        assert timer is not None, "a tool asks while it is called"
        self._asking += 1
        if self._asking == 1:
            when = timer.when()
            self._left = None if when is None else when - loop.time()
            self._set(timer, self.bound(None))
        try:
            yield
        finally:
            self._asking -= 1
            if not self._asking and timer is self._timer:
                self._set(timer, self.bound(self._left))

    def _set(self, timer: asyncio.Timeout, seconds: float | None) -> None:
        if not (self.over or timer.expired()):
            loop = asyncio.get_running_loop()
            timer.reschedule(None if seconds is None else loop.time() + seconds)


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
    _asking: Asking = field(init=False)
    _events: asyncio.Queue[Event | None] = field(default_factory=asyncio.Queue["Event | None"])
    _over: bool = False
    """Whether what a call still says or gives is void."""

    def __post_init__(self) -> None:
        self._asking = Asking(ctx=self.ctx, host=self.host, emit=self._emit)

    @property
    def approvals(self) -> list[Approval]:
        """What waits for a person when `stream` has ended."""
        return self._asking.waiting

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
        """The result of one call, or None if a person must speak first."""
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
        pending = pending_of(known)
        if pending is not None:
            call = call.model_copy(update={"arguments": pending.arguments})
        allowed = await self._leave(key, call, spec, known)
        if not isinstance(allowed, ToolCallPart):
            return allowed
        answered = None
        if pending is not None:
            answered = await self._asking.answered(key, allowed, pending)
            if answered is None:
                return None
        return await self._make(key, allowed, toolset, spec, answered=answered, known=known)

    async def _leave(
        self, key: str, call: ToolCallPart, spec: ToolSpec, known: Step | None
    ) -> ToolCallPart | ToolResultPart | None:
        """The call as it may be made, its result if it may not, None if a person is to decide."""
        verdict = await self.host.policy.decide(self.ctx, call, spec)
        if verdict.verdict == "deny":
            return self._refuse(call, ToolDenied(verdict.reason or None))
        if known is not None and known.state == "suspended":
            # It had leave when it was made, and has itself asked before it went on.
            return call
        if known is not None and not spec.idempotent:
            reason = f"{spec.name} was interrupted and may have taken effect. Call it again?"
            verdict = Verdict("ask", reason)
        earlier = await self._asking.earlier(key)
        # What a person was asked counts, even if the rules would not ask any more.
        if verdict.verdict == "allow" and not (earlier and unused(earlier[-1], known)):
            return call
        decision = await self._asking.leave(
            key, call, spec, verdict.reason, earlier=earlier, begun=known
        )
        if decision is None:
            return None
        if decision.decision != "approve":
            return self._refuse(call, ToolDenied(_refusal(decision)), "denied")
        if decision.arguments == call.arguments:
            return call
        changed = call.model_copy(update={"arguments": decision.arguments})
        verdict = await self.host.policy.decide(self.ctx, changed, spec)
        if verdict.verdict == "deny":
            return self._refuse(call, ToolDenied(verdict.reason or None))
        return changed

    async def _make(
        self,
        key: str,
        call: ToolCallPart,
        toolset: Toolset,
        spec: ToolSpec,
        *,
        answered: Answered | None,
        known: Step | None,
    ) -> ToolResultPart | None:
        """Make the call within what the budgets grant it."""
        usage = Usage(tool_calls=1 if answered is None else 0)
        reserved = await self.host.ledger.reserve(self.ctx, Estimate)
        deadline = _earlier(self.deadline, reserved.seconds)
        # What the tool was told must not be asked again if this attempt dies.
        told = None if answered is None or known is None else known.result
        step = Step(
            run_id=self.ctx.run_id,
            key=f"tool:{key}",
            kind="tool",
            name=call.name,
            attempt=self.ctx.attempt,
            input_hash=fingerprint(call.arguments),
            result=told,
        )
        attempts = partial(
            self._attempts, key, call, toolset, spec, answered=answered, deadline=deadline
        )
        try:
            step = await self.host.journal.open_step(self.ctx, step)
            self.ctx.usage.tool_calls += usage.tool_calls
            return await self._carry_out(key, call, step, attempts)
        finally:
            await self.host.ledger.settle(self.ctx, reserved, usage)

    async def _carry_out(
        self,
        key: str,
        call: ToolCallPart,
        step: Step,
        attempts: Callable[[], Awaitable[list[ToolContent]]],
    ) -> ToolResultPart | None:
        """Make the call, whose step is written, and close the step after it."""
        self._emit(ToolStarted(call_id=call.id, name=call.name, arguments=call.arguments))
        started = time.perf_counter()
        try:
            content = await attempts()
            if self.host.media is not None and any(media(content)):
                content = await self.host.media.lay_down(content)
            content = [*self._changed(call), *content]
            result = ToolResultPart(call_id=call.id, name=call.name, content=content)
        except InputNeeded as needed:
            asked = await self._wait(key, step, call, needed)
            if asked is None:
                return None
            result = asked
        except MuxiError as error:
            # Foreign code may say what it was given, such as the header of a request.
            result = failure(call, SECRETS.redact(summarize(error)))
        if self._over:
            raise asyncio.CancelledError
        result.seconds = time.perf_counter() - started
        step.state = "done"
        step.result = result.model_dump(mode="json", exclude_none=True)
        self.host.journal.close_step(self.ctx, step)
        self._emit(ToolCompleted(result=result, seconds=result.seconds))
        return result

    def _changed(self, call: ToolCallPart) -> list[TextPart]:
        """What the model is told of arguments that are not those it has chosen."""
        asked = next(each for each in self.message.tool_calls if each.id == call.id)
        if asked.arguments == call.arguments:
            return []
        text = json.dumps(call.arguments, ensure_ascii=False)
        return [TextPart(text=f"A person changed the arguments of this call to {text}.")]

    async def _wait(
        self, key: str, step: Step, call: ToolCallPart, needed: InputNeeded
    ) -> ToolResultPart | None:
        """Put what a tool wants to know; its result if it may not ask that."""
        if self._over:
            raise asyncio.CancelledError
        try:
            pending = self._asking.suspend(step, call, needed)
        except ToolFailed as error:
            return failure(call, summarize(error))
        await self._asking.answered(key, call, pending)
        return None

    async def _attempts(
        self,
        key: str,
        call: ToolCallPart,
        toolset: Toolset,
        spec: ToolSpec,
        *,
        answered: Answered | None,
        deadline: float | None,
    ) -> list[ToolContent]:
        for attempt in range(spec.retries + 1):
            current = _Call(self._emit, deadline)
            ctx = self.ctx.for_call(
                call.id,
                f"{self.ctx.run_id}:tool:{key}",
                current.say,
                ask=partial(self._ask_live, key, call, current),
                secret=partial(self.host.credentials.secret, self.ctx),
                answer=answered,
            )
            try:
                return await _once(current, toolset.call(call.name, call.arguments, ctx), spec)
            except ToolError as error:
                if attempt == spec.retries or not error.retryable:
                    raise
            await asyncio.sleep(_BACKOFF * 2**attempt)
        raise ToolFailed(f"{spec.name} was not tried.")

    async def _ask_live(
        self, key: str, call: ToolCallPart, current: _Call, question: Question
    ) -> Answer:
        if current.over:
            return Answer(action="cancel")
        with current.stopped():
            return await self._asking.live(key, call, question)

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


def _earlier(deadline: float | None, seconds: float | None) -> float | None:
    """When a call must end that may take so many seconds, by `time.monotonic`."""
    if seconds is None:
        return deadline
    end = time.monotonic() + seconds
    return end if deadline is None else min(deadline, end)


def _refusal(decision: ApprovalDecision) -> str:
    """Why a call is not made, for the model."""
    if decision.decision == "expired":
        return "This call needed a person's approval, and nobody answered in time."
    return f"A person refused this call. {decision.reason or ''}".strip()


async def _once(
    current: _Call, work: Coroutine[Any, Any, list[ToolContent]], spec: ToolSpec
) -> list[ToolContent]:
    """The result of `work`, a task of its own: one that does not stop in time is deserted."""
    seconds = current.bound(spec.timeout)
    task = asyncio.create_task(work, name=f"call {spec.name}")
    stopped = False
    try:
        async with current.timer(seconds):
            await asyncio.wait([task])
    except TimeoutError:
        stopped = True
    finally:
        current.over = True
        await _end([task], patience=_GRACE)
    if not task.done():
        text = f"{spec.name} took longer than {seconds:g} s and did not stop when it was told to."
        error = ToolTimeout(text)
        error.retryable = False  # it is still at work
        raise error
    if task.cancelled():
        if stopped:
            raise ToolTimeout(f"{spec.name} took longer than {seconds:g} s.")
        raise ToolFailed(f"{spec.name} cancelled itself.")
    try:
        return task.result()
    except MuxiError:
        raise
    except Exception as error:
        # A tool is foreign code: whatever it raises is told to the model.
        words = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise ToolFailed(f"{spec.name} failed: {words}"[:2000]) from error


async def _end(tasks: Sequence[asyncio.Task[Any]], *, patience: float = _PATIENCE) -> None:
    """Cancel what is still under way and give it a moment to stop."""
    pending = [task for task in tasks if not task.done()]
    for task in pending:
        task.cancel()
        _deserted.add(task)
        task.add_done_callback(_forget)
    if pending:
        await asyncio.wait(pending, timeout=patience)


def _forget(task: asyncio.Task[Any]) -> None:
    _deserted.discard(task)
    if not task.cancelled():
        # Nobody else asks, and asyncio would log what nobody has asked for.
        task.exception()
