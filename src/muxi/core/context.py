"""The circumstances of a run, handed to tools, memory and models. It names no agent object.

Built by whoever starts a run; tools take it as an optional first parameter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from muxi.core.errors import RunCancelled, SecretMissing
from muxi.core.events import Event
from muxi.core.ids import new_id
from muxi.core.messages import Message
from muxi.core.questions import Answer, Answered, Question
from muxi.core.requests import ToolSpec
from muxi.core.usage import Limits, Usage

Deps = TypeVar("Deps")


class CancelSignal:
    """Tells long work, in a thread or a task, that nobody wants its result any more."""

    __slots__ = ("_event", "cancelled")

    def __init__(self) -> None:
        self.cancelled = False
        self._event: asyncio.Event | None = None

    def cancel(self) -> None:
        self.cancelled = True
        if self._event is not None:
            self._event.set()

    def raise_if_cancelled(self) -> None:
        """Raise `RunCancelled` if the run was cancelled."""
        if self.cancelled:
            raise RunCancelled

    async def wait(self) -> None:
        """Return once the run is cancelled."""
        if self._event is None:
            self._event = asyncio.Event()
            if self.cancelled:
                self._event.set()
        await self._event.wait()


def _ignore(event: Event) -> None:
    """Drop an event that nobody asked for."""


async def _nobody(question: Question) -> Answer:
    """There is nobody to ask."""
    return Answer(action="cancel")


async def _no_secrets(name: str) -> str:
    """There is nowhere to look."""
    raise SecretMissing(f"The secret {name} is not set.", name=name)


@dataclass(slots=True, kw_only=True)
class RunContext(Generic[Deps]):
    """Who asks, in which thread and run, with what budget.

    User ids are unique only inside a tenant: keys are made of both.
    """

    deps: Deps
    tenant: str = "default"
    user: str = "local"
    agent: str = ""
    thread_id: str = field(default_factory=lambda: new_id("thr"))
    run_id: str = field(default_factory=lambda: new_id("run"))
    root_run_id: str | None = None
    """The run that a person started; None when it is this one."""
    parent_run_id: str | None = None
    attempt: int = 1
    usage: Usage = field(default_factory=Usage)
    limits: Limits = field(default_factory=Limits)
    cancel: CancelSignal = field(default_factory=CancelSignal)
    call_id: str | None = None
    """Id of the tool call in whose name the receiver is working."""
    idempotency_key: str | None = None
    """The same for every attempt of that call; hand it to services that know such keys."""
    emit: Callable[[Event], None] = _ignore
    """Reports progress while a tool works; called on the event loop of the run."""
    ask: Callable[[Question], Awaitable[Answer]] = _nobody
    """Asks a person while a tool works and waits for the answer, which is a `cancel` if none comes
    in time. The run holds its process meanwhile: a tool that can, raises `InputNeeded` instead."""
    secret: Callable[[str], Awaitable[str]] = _no_secrets
    """While a tool works: the value of a secret, the run's user's own before the project's. Raises
    `SecretMissing`."""
    answer: Answered | None = None
    """What a person said, when the tool is called again after it raised `InputNeeded`."""
    earlier: Sequence[Message] = ()
    """Messages from before the run that its model is shown."""
    messages: Sequence[Message] = ()
    """The run so far, what started it first, for toolsets that show other tools as it goes on."""
    offered: list[Sequence[ToolSpec]] = field(default_factory=list[Sequence[ToolSpec]])
    """The tools that the model was shown: one entry for each time that they changed."""

    def for_call(
        self,
        call_id: str,
        idempotency_key: str,
        emit: Callable[[Event], None],
        *,
        ask: Callable[[Question], Awaitable[Answer]] = _nobody,
        secret: Callable[[str], Awaitable[str]] = _no_secrets,
        answer: Answered | None = None,
    ) -> RunContext[Deps]:
        """The same circumstances in the name of one tool call; usage and cancel are shared."""
        return RunContext(
            deps=self.deps,
            tenant=self.tenant,
            user=self.user,
            agent=self.agent,
            thread_id=self.thread_id,
            run_id=self.run_id,
            root_run_id=self.root_run_id,
            parent_run_id=self.parent_run_id,
            attempt=self.attempt,
            usage=self.usage,
            limits=self.limits,
            cancel=self.cancel,
            call_id=call_id,
            idempotency_key=idempotency_key,
            emit=emit,
            ask=ask,
            secret=secret,
            answer=answer,
            earlier=self.earlier,
            messages=self.messages,
            offered=self.offered,
        )
