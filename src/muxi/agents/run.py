"""A run: turns and tool calls until the agent is done, a limit is reached or a person must decide.

One async generator of events for streaming and for everything else; `agent` folds it. It holds no
state that the journal's messages and steps cannot rebuild, so a successor can go on after a crash.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from muxi.agents import limits, output, prompt
from muxi.agents.checks import Checks, Judgement
from muxi.agents.offer import Offer, offer
from muxi.agents.showing import Showing
from muxi.agents.spec import AgentSpec
from muxi.agents.tool_calls import ToolCalls
from muxi.agents.transcript import REPAIR, Transcript
from muxi.agents.turn import Turn
from muxi.core.errors import MuxiError, OutputInvalid
from muxi.core.events import (
    Approval,
    Event,
    RunStarted,
    RunSuspended,
    TextDelta,
)
from muxi.core.messages import Message, TextPart, user_message
from muxi.core.ports import Context, ContextQuery, Host
from muxi.core.requests import ModelRequest
from muxi.models.estimate import count_prompt
from muxi.models.model import Model


@dataclass(slots=True, kw_only=True)
class RunLoop:
    """One run of one agent. `events` is its whole life."""

    spec: AgentSpec
    model: Model
    input: Sequence[Message]
    ctx: Context
    host: Host
    value: Any = None
    """The structured output, once the run is complete."""
    _deadline: float | None = None
    _transcript: Transcript = field(init=False)
    _showing: Showing = field(init=False)
    _waiting: list[Approval] = field(default_factory=list[Approval])
    _tools: Offer | None = None
    _turn: Turn | None = None
    _calls: ToolCalls | None = None
    _ended: bool = False

    async def events(self) -> AsyncGenerator[Event]:
        """All events, the last of which is `run.completed` or `run.suspended`.

        A cancel that the run's context announces ends the run in good order; any other
        `CancelledError` is passed on, and the run can be continued from the journal.
        """
        ctx = self.ctx
        self._transcript = Transcript(ctx, self.host)
        self._showing = Showing(self.model, ctx, self.host)
        self._deadline = limits.deadline_of(ctx.limits, time.monotonic())
        yield RunStarted(
            run_id=ctx.run_id,
            thread_id=ctx.thread_id,
            agent=self.spec.name,
            agent_hash=self.spec.hash,
            model=self.model.name,
            parent_run_id=ctx.parent_run_id,
        )
        try:
            checks = Checks(guardrails=self.spec.guardrails, ctx=ctx, host=self.host)
            fixed = await self._begin(checks)
            for event in fixed.events:
                yield event
            while not (self._ended or self._waiting):
                steps = self._next(fixed, checks)
                if isinstance(steps, list):
                    for event in steps:
                        yield event
                    continue
                async with aclosing(steps):
                    async for event in steps:
                        yield event
            if self._waiting:
                yield RunSuspended(approvals=self._waiting, usage=ctx.usage)
        except (MuxiError, asyncio.CancelledError) as error:
            for event in self._stopped(error):
                yield event

    def _stopped(self, error: MuxiError | asyncio.CancelledError) -> list[Event]:
        """The last events of a run that broke off; a cancel that nobody announced goes on."""
        known = error if isinstance(error, MuxiError) else None
        if known is None:
            task = asyncio.current_task()
            if not self.ctx.cancel.cancelled or task is None:
                raise error
            task.uncancel()
        turn, calls = self._turn, self._calls
        return self._transcript.break_off(
            known,
            # What a guardrail has not seen yet is not given out in part either.
            partial=turn.message if turn is not None and turn.show else None,
            results={} if calls is None else calls.results,
        )

    async def _begin(self, checks: Checks) -> prompt.Prompt:
        """What all turns of this run share."""
        done = await self.host.journal.run_messages(self.ctx)
        self._transcript.messages.extend(done)
        await self._offer()
        fixed = await self._assemble()
        self.ctx.earlier = fixed.earlier
        await self._offer()
        await self._recall_input(checks)
        return fixed

    async def _offer(self) -> None:
        """Ask for the tools of the next turn, or of the calls that an earlier attempt left."""
        self.ctx.messages = [*self.input, *self._transcript.messages]
        self._tools = await offer(self.spec.toolsets, self.ctx, self._tools)

    def _next(self, fixed: prompt.Prompt, checks: Checks) -> AsyncGenerator[Event] | list[Event]:
        """What is to be done now, as the last message says."""
        last, client = self._transcript.last, self.spec.client
        then = None if client is None else client.next_words(self._transcript.messages)
        if then is not None:
            return [self._transcript.append(then)]
        if last is None or last.role != "assistant":
            return self._ask(fixed, checks)
        if last.tool_calls:
            return self._answer(last)
        return self._finish(last)

    async def _assemble(self) -> prompt.Prompt:
        text = await prompt.resolve(self.spec.instructions, self.ctx)
        shape = self.spec.output
        if shape is not None and not self.model.profile.structured_output:
            text = f"{text}\n\n{output.instructions_for(shape.schema)}".strip()
        sources = [*self.host.sources, *self.spec.sources]
        if not sources:
            return prompt.Prompt(text, [], ())
        budget = prompt.Budget(
            model=self.model,
            answer_tokens=self.spec.settings.max_tokens,
            history_tokens=self.spec.history_tokens,
        ).room(text, self._offered.specs, await self._showing.of(self.input))
        query = ContextQuery(input=self.input, budget=budget, count=self.model.count)
        fixed = await prompt.assemble(text, sources, self.ctx, query=query)
        self._showing.leave(query.budget)
        return fixed

    async def _recall_input(self, checks: Checks) -> None:
        """Go on with the input that an earlier attempt's guardrails left."""
        if not checks.rails("input"):
            checks.input = Judgement()
            return
        recalled = await checks.recall("input", 0)
        if recalled is not None and recalled.text is not None:
            self._rewrite_input(recalled.text)
            recalled = Judgement()
        if recalled is not None and recalled.waiting is None:
            checks.input = recalled
            if recalled.blocked is not None:
                raise recalled.blocked
        elif recalled is not None and recalled.waiting is not None:
            checks.input = recalled
            self._waiting = [recalled.waiting]
        elif self._transcript.messages:
            checks.input = Judgement()

    async def _ask(self, fixed: prompt.Prompt, checks: Checks) -> AsyncGenerator[Event]:
        """One turn of the model, beside which input guardrails run the first time."""
        limits.check_time(self._deadline)
        held = await checks.held_message(len(self._transcript.messages))
        if held is not None:
            async for event in self._release(held, checks, shown=False):
                yield event
            return
        await self._offer()
        said = [*fixed.earlier, *self.input, *self._transcript.messages]
        asked = self._showing.ask(said, partial(self._next_turn, fixed, checks))
        async with aclosing(asked) as stream:
            first = checks.input is None
            events = checks.gated(stream, self._input_text) if first else stream
            async with aclosing(events):
                async for event in events:
                    yield event
        if first and checks.input is not None and checks.input.stops:
            self._stop_input(checks.input)
            checks.input = Judgement()
            return
        turn = self._turn
        assert turn is not None
        assert turn.message is not None
        await self._transcript.lay_down(turn.message)
        if turn.show and not checks.rails("output"):
            self._turn = None
            yield self._transcript.append(turn.message)
        else:
            async for event in self._release(turn.message, checks, shown=turn.show):
                yield event
        if (cut := turn.cut) is not None:
            raise cut

    def _next_turn(self, fixed: prompt.Prompt, checks: Checks, said: Sequence[Message]) -> Turn:
        settings = self.spec.settings
        shape, client = self.spec.output, self.spec.client
        request = ModelRequest(
            messages=list(said),
            instructions=fixed.instructions,
            tools=self._offered.specs,
            tool_choice="auto"
            if client is None
            else client.choice_after(self._transcript.messages),
            output=None if shape is None else shape.schema,
            settings=settings,
            may_keep=self._showing.may_keep,
        )
        allowance = limits.allowance(
            self.ctx, self.model.profile, lambda: count_prompt(self.model, request)
        )
        if allowance.max_tokens is not None:
            bound = min(allowance.max_tokens, settings.max_tokens or allowance.max_tokens)
            request.settings = settings.model_copy(update={"max_tokens": bound})
        self._turn = Turn(
            model=self.model,
            request=request,
            allowance=allowance,
            author=self.spec.name,
            deadline=self._deadline,
            show=not checks.holds,
            client=frozenset() if client is None else client.names,
        )
        return self._turn

    async def _release(
        self, message: Message, checks: Checks, *, shown: bool
    ) -> AsyncGenerator[Event]:
        """Put an answer into the thread once the output guardrails have passed it."""
        if message.text and checks.rails("output"):
            judgement = await checks.judge(
                "output", len(self._transcript.messages), message.text, message
            )
            for event in judgement.events:
                yield event
            if judgement.waiting is not None or judgement.blocked is not None:
                self._turn = None
                if judgement.blocked is not None:
                    raise judgement.blocked
                self._waiting = [judgement.waiting] if judgement.waiting else []
                return
            if judgement.text is not None:
                others = [part for part in message.parts if not isinstance(part, TextPart)]
                message.parts = [*others, TextPart(text=judgement.text)]
        if not shown:
            if self._turn is not None:
                yield self._turn.opening()
            yield TextDelta(text=message.text)
        self._turn = None
        yield self._transcript.append(message)

    def _stop_input(self, judgement: Judgement) -> None:
        self._turn = None
        if judgement.blocked is not None:
            raise judgement.blocked
        if judgement.waiting is not None:
            self._waiting = [judgement.waiting]
        elif judgement.text is not None:
            self._rewrite_input(judgement.text)

    @property
    def _offered(self) -> Offer:
        assert self._tools is not None, "a run begins by asking for its tools"
        return self._tools

    @property
    def _input_text(self) -> str:
        return "\n".join(message.text for message in self.input)

    def _rewrite_input(self, text: str) -> None:
        last = self.input[-1] if self.input else user_message("")
        parts = [part for part in last.parts if not isinstance(part, TextPart)]
        rewritten = last.model_copy(update={"parts": [TextPart(text=text), *parts]})
        self.input = [rewritten]

    async def _answer(self, message: Message) -> AsyncGenerator[Event]:
        """Make the calls of `message` and add their results to the thread."""
        wanted = len(message.tool_calls)
        calls = self._calls = ToolCalls(
            message=message,
            offer=self._offered,
            ctx=self.ctx,
            host=self.host,
            allowed=limits.check_tool_calls(self.ctx, wanted),
            deadline=self._deadline,
        )
        async with aclosing(calls.stream()) as events:
            async for event in events:
                yield event
        if calls.approvals:
            self._waiting = calls.approvals
            return
        self._calls = None
        yield self._transcript.append(calls.tool_message())
        if calls.allowed < wanted:
            raise limits.reached("tool_calls")

    def _finish(self, answer: Message) -> list[Event]:
        """End the run with `answer`, or ask the model to mend it."""
        shape = self.spec.output
        value: Any = None
        if shape is not None:
            try:
                self.value = shape.parse(answer.text)
                value = shape.dump(self.value)
            except OutputInvalid as error:
                if self._transcript.repairs >= self.spec.repairs:
                    raise
                request = user_message(f"{error.message} Answer again, in the right shape.")
                request.metadata[REPAIR] = True
                return [self._transcript.append(request)]
        self._ended = True
        return [self._transcript.complete(answer, value)]
