"""The agent, as Python programs make and use it: `from muxi import Agent`.

An `Agent` is a face over values: it starts runs and keeps no state of them, so one object serves
any number of runs at once.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Generic, TypeVar, Unpack, overload

from muxi.agents.output import output_of
from muxi.agents.prompt import Earlier
from muxi.agents.result import Answers, RunResult, fold
from muxi.agents.run import RunLoop
from muxi.agents.spec import AgentParts, AgentSpec, ToolLike
from muxi.core.alone import MemoryJournal, alone
from muxi.core.context import CancelSignal, RunContext
from muxi.core.errors import InvalidInput, MuxiError, PriceUnknown
from muxi.core.events import ApprovalDecision, Event, MessageCompleted
from muxi.core.messages import Message, UserInput, user_message
from muxi.core.ports import Context, Host
from muxi.core.requests import ModelSettings
from muxi.core.usage import Limits
from muxi.models.model import Model
from muxi.tools.toolset import Toolset

_log = logging.getLogger("muxi.agents")

Out = TypeVar("Out")
T = TypeVar("T")


class Agent(Generic[Out]):
    """A model with instructions and tools.

    Args:
        name: How the agent is called in threads, events and logs.
        model: A `Model`, or `provider/model`, resolved when the agent first runs.
        instructions: Text, or a function of the run's context that gives it.
        tools: Typed functions, `@tool`s and toolsets.
        output: The type the answer must have: a pydantic model, a dataclass, any type that
            pydantic knows, or a JSON Schema. Without it the answer is text.
        limits: Bounds that stop a run before they are exceeded.
        guardrails: Checks of what goes in and of what comes out.
        sources: What else enters each run, such as knowledge.
        settings: How the model should sample.
        repairs: How often the model may mend an output of the wrong shape.
        history_tokens: Tokens of earlier messages in a run; None for what the context allows.
        memory: Long-term memory, such as a `muxi.Memory`: what users say is recalled later.

    Raises:
        PriceUnknown: `limits` bound the cost, and the model has no known price.
    """

    @overload
    def __init__(
        self: Agent[str],
        name: str,
        model: Model | str,
        *,
        output: None = None,
        **parts: Unpack[AgentParts],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[T],
        name: str,
        model: Model | str,
        *,
        output: type[T],
        **parts: Unpack[AgentParts],
    ) -> None: ...
    @overload
    def __init__(
        self: Agent[Any],
        name: str,
        model: Model | str,
        *,
        output: dict[str, Any],
        **parts: Unpack[AgentParts],
    ) -> None: ...
    def __init__(
        self,
        name: str,
        model: Model | str,
        *,
        output: Any = None,
        **parts: Unpack[AgentParts],
    ) -> None:
        self._model: Model | str = model
        self.spec = AgentSpec(
            name=name,
            description=parts.get("description", ""),
            instructions=parts.get("instructions", ""),
            toolsets=_toolsets(parts.get("tools", ())),
            output=None if output is None else output_of(output),
            repairs=parts.get("repairs", 2),
            limits=parts.get("limits") or Limits(),
            settings=parts.get("settings") or ModelSettings(),
            guardrails=parts.get("guardrails", ()),
            sources=parts.get("sources", ()),
            history_tokens=parts.get("history_tokens"),
            memory=parts.get("memory"),
        )
        if unknown := parts.keys() - AgentParts.__annotations__.keys():
            raise TypeError(f"Agent() got unexpected arguments: {', '.join(sorted(unknown))}")
        if not isinstance(model, str):
            self._check_price(model)

    @classmethod
    def from_spec(cls, spec: AgentSpec, model: Model) -> Agent[Any]:
        """An agent of parts that were put together elsewhere, such as by the runtime."""
        agent: Agent[Any] = cls.__new__(cls)
        agent._model = model
        agent.spec = spec
        agent._check_price(model)
        return agent

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def description(self) -> str:
        return self.spec.description

    @property
    def memory(self) -> Any:
        """The long-term memory that the agent was given, mostly a `muxi.Memory`; None without."""
        return self.spec.memory

    @property
    def model(self) -> Model:
        """The model, resolved from its name on first use."""
        if isinstance(self._model, str):
            from muxi.models.resolve import model

            resolved = model(self._model)
            self._check_price(resolved)
            self._model = resolved
        return self._model

    def _check_price(self, model: Model) -> None:
        if self.spec.limits.cost is None:
            return
        price = model.profile.price
        if price is None or price.input is None or price.output is None:
            raise PriceUnknown(
                f"{self.name} has a cost limit, and no price is known for {model.name}.",
                model=model.name,
            )

    def stream_events(
        self, input: Sequence[Message], *, ctx: Context, host: Host
    ) -> AsyncGenerator[Event]:
        """The run as the `Runnable` port wants it: every event, nothing numbered or stored.

        To cancel a run in good order, call `ctx.cancel.cancel()` and then cancel the task that
        reads the events: the stream ends with `run.completed`, and what had been said is kept.
        """
        return RunLoop(spec=self.spec, model=self.model, input=input, ctx=ctx, host=host).events()

    async def run(
        self,
        input: UserInput,
        *,
        deps: Any = None,
        user: str = "local",
        history: Sequence[Message] = (),
        limits: Limits | None = None,
        cancel: CancelSignal | None = None,
    ) -> RunResult[Out]:
        """Run to the end, or until a person must decide.

        Args:
            input: What the user says.
            deps: Handed to tools as `ctx.deps`.
            user: Id of the user who speaks, whose memory is used.
            history: Earlier messages of the conversation, such as `result.messages`.
            limits: Instead of the agent's own.
            cancel: Set it from elsewhere and cancel the task to end the run in good order.

        Raises:
            ModelError: The model could not answer.
            OutputInvalid: The answer did not get the shape asked for.
        """
        ctx = self._context(deps, limits, cancel, user=user)
        asked = user_message(input, author=user)
        result = await self._fold([asked], history, ctx, alone())
        await self._remember(ctx, asked, result.messages)
        return result

    async def stream(
        self,
        input: UserInput,
        *,
        deps: Any = None,
        user: str = "local",
        history: Sequence[Message] = (),
        limits: Limits | None = None,
        cancel: CancelSignal | None = None,
    ) -> AsyncGenerator[Event]:
        """The events of a run as they happen; errors arrive as the last event."""
        ctx = self._context(deps, limits, cancel, user=user)
        asked = user_message(input, author=user)
        host = await self._with_past(alone(), history, ctx)
        said: list[Message] = []
        async with aclosing(self.stream_events([asked], ctx=ctx, host=host)) as events:
            async for event in events:
                if isinstance(event, MessageCompleted):
                    said.append(event.message)
                yield event
        await self._remember(ctx, asked, said)

    def run_sync(
        self,
        input: UserInput,
        *,
        deps: Any = None,
        user: str = "local",
        history: Sequence[Message] = (),
        limits: Limits | None = None,
    ) -> RunResult[Out]:
        """`run` for programs without an event loop; inside one it works in a thread of its own."""
        return _bridge(self.run(input, deps=deps, user=user, history=history, limits=limits))

    async def resume(self, waiting: RunResult[Out], answers: Answers) -> RunResult[Out]:
        """Go on with a run that waits, with a person's answers by approval id.

        Raises:
            InvalidInput: The run does not wait, or an id is not among its approvals.
        """
        asked = {approval.id for approval in waiting.approvals}
        if not asked or not set(answers) <= asked:
            raise InvalidInput(
                "The answers do not fit the approvals that this run waits for.",
                approvals=", ".join(sorted(asked)),
            )
        ctx = replace(waiting.ctx, attempt=waiting.ctx.attempt + 1)
        for approval_id, answer in answers.items():
            _decide(waiting.host, ctx, approval_id, answer)
        count = len(await waiting.host.journal.run_messages(ctx))
        begun = len(waiting.messages) - count
        return await self._fold(waiting.messages[:begun], (), ctx, waiting.host, done=count)

    async def _fold(
        self,
        input: list[Message],
        history: Sequence[Message],
        ctx: Context,
        host: Host,
        done: int = 0,
    ) -> RunResult[Out]:
        host = await self._with_past(host, history, ctx)
        before = [*input, *(await host.journal.run_messages(ctx))] if done else [*history, *input]
        loop = RunLoop(spec=self.spec, model=self.model, input=input, ctx=ctx, host=host)
        async with aclosing(loop.events()) as events:
            result = await fold(events, input=before, ctx=ctx, host=host)
        result.value = result.text if self.spec.output is None else loop.value
        return result

    async def _with_past(self, host: Host, history: Sequence[Message], ctx: Context) -> Host:
        """`host` with the messages that the caller holds, and with what is recalled."""
        if self.spec.memory is None:
            return replace(host, sources=(*host.sources, Earlier(history))) if history else host
        try:
            source = await self.spec.memory.source(ctx, Earlier(history))
        except MuxiError as error:
            _log.warning("Nothing can be recalled: %s", error.message)
            source = Earlier(history)
        return replace(host, sources=(*host.sources, source))

    async def _remember(self, ctx: Context, asked: Message, said: Sequence[Message]) -> None:
        """Have a finished run remembered; an answer is not lost because that fails."""
        if self.spec.memory is None:
            return
        new = [message for message in said if message.run_id == ctx.run_id and message is not asked]
        try:
            await self.spec.memory.remember(ctx, asked, new)
        except MuxiError as error:
            _log.warning("A run is not remembered: %s", error.message)

    def _context(
        self,
        deps: Any,
        limits: Limits | None,
        cancel: CancelSignal | None,
        *,
        user: str,
    ) -> RunContext[Any]:
        return RunContext(
            deps=deps,
            user=user,
            agent=self.name,
            limits=limits or self.spec.limits,
            cancel=cancel or CancelSignal(),
        )

    async def close(self) -> None:
        """Close the model and the toolsets."""
        if not isinstance(self._model, str):
            await self._model.close()
        for toolset in self.spec.toolsets:
            await toolset.close()


def _decide(host: Host, ctx: Context, approval_id: str, answer: str | ApprovalDecision) -> None:
    """Close the step of an approval with a person's answer."""
    assert isinstance(host.journal, MemoryJournal), "a RunResult is made by Agent.run only"
    decision = (
        answer
        if isinstance(answer, ApprovalDecision)
        else ApprovalDecision.model_validate({"decision": answer})
    )
    for step in host.journal.steps.values():
        result = step.result or {}
        if result.get("approval", {}).get("id") == approval_id:
            step.state = "done"
            step.result = {**result, "id": approval_id, **decision.model_dump(mode="json")}
            host.journal.close_step(ctx, step)


def _toolsets(tools: Sequence[ToolLike]) -> list[Toolset]:
    """Toolsets as they are, and all functions together as one more."""
    sets: list[Toolset] = []
    functions: list[Callable[..., Any]] = []
    for item in tools:
        if hasattr(item, "specs") and hasattr(item, "call"):
            sets.append(item)  # pyright: ignore[reportArgumentType] -- it has the protocol's methods
        else:
            functions.append(item)  # pyright: ignore[reportArgumentType] -- what is no toolset must be callable, which FunctionToolset checks
    if functions:
        from muxi.tools.function_toolset import FunctionToolset

        sets.append(FunctionToolset(functions))
    return sets


def _bridge(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine from code that is not asynchronous, inside or outside an event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
