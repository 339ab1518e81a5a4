"""One attempt of one run: drives the agent, numbers and stores its events, writes its end.

Made by `runs`, as a task of its own: no connection drives a run and none can stop it by breaking.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from muxi.core.context import RunContext
from muxi.core.errors import LeaseLost, MuxiError, StorageError
from muxi.core.events import (
    ApprovalRequested,
    AttemptStarted,
    Event,
    MessageCompleted,
    RunCompleted,
    RunStarted,
    RunSuspended,
    TextDelta,
    ToolCompleted,
)
from muxi.core.messages import Message
from muxi.core.ports import Host
from muxi.core.problems import problem_of
from muxi.core.threads import OfferedTool, Run
from muxi.core.usage import Usage
from muxi.memory.history import History
from muxi.runtime.streams import ThreadStream
from muxi.storage import leases, runs, steps
from muxi.storage.events import text_of
from muxi.telemetry.spans import span

if TYPE_CHECKING:
    from muxi.agents.agent import Agent
    from muxi.storage.journal import StoredJournal
    from muxi.storage.transaction import Database

_log = logging.getLogger("muxi.runtime")

_SETTLE_AFTER = 0.003
"""Seconds for which events that must be durable first wait for others to share their commit."""

_TO_THE_WIRE = 2
"""Turns of the event loop in which the first words reach the sockets of their readers: a model
that has said all at once keeps the loop until its answer is stored."""

_PATIENCE = 5.0
"""Seconds for which the end of a run is offered to a database that does not take it."""

_DURABLE_FIRST = frozenset({MessageCompleted, ToolCompleted, ApprovalRequested})
"""What nobody may see before it is stored: a reader would hold what a crash undoes."""

End = RunCompleted | RunSuspended


@dataclass(slots=True, kw_only=True)
class Attempt:
    """A run that is being driven here."""

    run: Run
    input: Message
    """What was said, as it is stored."""
    agent: Agent[object] | None
    """None for an attempt that only ends the run."""
    stream: ThreadStream
    journal: StoredJournal
    database: Database
    host: Host
    ctx: RunContext[None]
    history: History
    replaces_from: int | None = None
    """Number of the last event of a crashed predecessor that still holds."""
    messages: list[Message] = field(default_factory=list[Message])
    """What this attempt has added to the thread, once it is durable."""
    end: End | None = None
    """The last event, once it is durable and seen."""
    ending: bool = False
    """Whether the lease is being let go, so that it must not be renewed any more."""
    decided: bool = False
    """Whether the end is on its way to the database, so that it cannot be left to a successor."""
    stored: bool = True
    """Whether its beginning is durable: until then nobody sees what it says."""
    lost: bool = False
    """Whether the run was left unfinished, for this or another process to go on with."""
    _begun: bool = False
    _interrupted: bool = False
    _before: Usage = field(init=False)
    _model: str | None = None
    _unstored: int = 0
    """Number of the last event that waits for nothing but its beginning to be durable."""
    _withheld: bool = False
    """Whether an event waits for more than that."""
    _void: bool = False
    _spoken: bool = False
    """Whether the first words were told."""
    _recorded: int = 0
    _timer: asyncio.TimerHandle | None = None
    _settling: asyncio.Task[None] | None = None
    _task: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self._before = self.ctx.usage.model_copy()

    def begin(self, over: Callable[[], None]) -> None:
        """Start to drive; `over` is called when this attempt has ended."""
        self._task = asyncio.create_task(self._drive(over), name=f"run {self.run.id}")

    async def conclude(self, end: RunCompleted) -> None:
        """End the run without its agent. Raises `LeaseLost`."""
        await self._finish(end)

    def cancel(self) -> None:
        """End the run in good order: the agent closes what is open and says that it was stopped.

        A run that has come to its end by itself keeps that end.
        """
        if not self.ending:
            self.ctx.cancel.cancel()
            self.interrupt()

    def now_stored(self) -> None:
        """Its beginning is durable: show what it has said since."""
        self.stored = True
        self.stream.release(self.run.id, self._unstored)

    def abandon(self) -> None:
        """Its beginning could not be stored: it has never been."""
        self._void = True
        self.stream.discard(self.run.id)
        self.interrupt()

    def interrupt(self) -> None:
        """Stop to drive and leave the run as it is, for a successor."""
        self._interrupted = True
        # A task that is cancelled before its first step takes none, not even the last.
        if self._task is not None and self._begun:
            self._task.cancel()

    async def wait(self) -> None:
        """Return when this attempt is over."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def ended(self) -> None:
        """Return once this attempt is over if its end is being stored, else at once."""
        if self.ending:
            await self.wait()

    async def settle(self) -> None:
        """Return once everything so far is durable, and show it.

        Raises:
            StorageError: It cannot be stored.
        """
        upto = self._recorded
        await self.journal.flush(self.ctx)
        self.stream.release(self.run.id, upto)

    async def _drive(self, over: Callable[[], None]) -> None:
        try:
            with span(
                "invoke_agent",
                gen_ai__operation__name="invoke_agent",
                gen_ai__agent__name=self.run.agent,
                gen_ai__conversation__id=self.run.thread_id,
                muxi__run__id=self.run.id,
            ):
                await self._finish(await self._work())
        except LeaseLost:
            if not self._void:
                _log.warning("Run %s was taken over by another process.", self.run.id)
            self.lost = True
        except asyncio.CancelledError:
            await self._leave()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            over()

    async def _work(self) -> End:
        """Pass on what the agent says; returns the event that ends it."""
        self._begun = True
        try:
            if self._interrupted:
                raise asyncio.CancelledError
            if self.replaces_from is not None:
                await self._emit(
                    AttemptStarted(attempt=self.run.attempt, replaces_from=self.replaces_from)
                )
            assert self.agent is not None
            stream = self.agent.stream_events([self.input], ctx=self.ctx, host=self.host)
            async with aclosing(stream) as events:
                async for event in events:
                    if isinstance(event, RunCompleted | RunSuspended):
                        return event
                    await self._emit(event)
            error = MuxiError("The agent stopped without an end.")
        except LeaseLost:
            raise
        except asyncio.CancelledError:
            if not self.ctx.cancel.cancelled:
                raise
            # The agent had no part in it: it came while an event was passed on, or once more.
            return RunCompleted(status="cancelled", usage=self.ctx.usage)
        except MuxiError as raised:
            error = raised
        except Exception as raised:  # noqa: BLE001 -- the boundary of the task: a run never ends without an event
            _log.exception("Run %s broke.", self.run.id)
            error = MuxiError(f"Something in muxi broke: {type(raised).__name__}.")
        return RunCompleted(status="failed", usage=self.ctx.usage, problem=problem_of(error))

    async def _emit(self, event: Event) -> None:
        stream = self.stream
        if stream.left == 0:
            await stream.grow(self.database)
        stream.stamp(event, self.run.id)
        self._recorded = event.seq
        text = text_of(event)
        self.journal.record(self.ctx, event, text)
        held = type(event) in _DURABLE_FIRST
        stream.publish(event, text, held=held or not self.stored)
        if not (self.stored or self._withheld):
            self._withheld, self._unstored = held, self._unstored if held else event.seq
        if held:
            if isinstance(event, MessageCompleted):
                self.messages.append(event.message)
                if event.message.tool_calls:
                    self._keep_tools()
            self._settle_soon()
        elif not self._spoken and type(event) is TextDelta:
            self._spoken = True
            for _ in range(_TO_THE_WIRE):
                await asyncio.sleep(0)
        elif isinstance(event, RunStarted):
            self._model = event.model

    def _shown(self) -> list[OfferedTool]:
        """What the model was shown in this attempt and those before it, each once."""
        before = {tool.digest: tool for tool in self.run.tools}
        fresh = {
            spec.digest: OfferedTool(name=spec.name, version=spec.version, digest=spec.digest)
            for specs in self.ctx.offered
            for spec in specs
        }
        return list({**before, **fresh}.values())

    def _keep_tools(self) -> None:
        """Store what the model was shown before it has effects: a successor may show it others."""
        shown = self._shown()
        if len(shown) > len(self.run.tools):
            self.run.tools = shown
            self.journal.also(partial(runs.set_tools, run_id=self.run.id, tools=shown))

    def _settle_soon(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(_SETTLE_AFTER, self._settle_now)

    def _settle_now(self) -> None:
        self._timer = None
        self._settling = asyncio.create_task(self._settle_quietly())

    async def _settle_quietly(self) -> None:
        try:
            await self.settle()
        except StorageError as error:
            # What is held stays held; the end of the run tries again and tells.
            _log.warning("Run %s is not stored yet: %s", self.run.id, error.message)

    async def _finish(self, end: End) -> None:
        """Store the end together with all that is not stored yet, then show it."""
        self.ending = True
        stream = self.stream
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if stream.left == 0:
            await stream.grow(self.database)
        stream.stamp(end, self.run.id)
        self.decided = True
        text = text_of(end)
        self.journal.record(self.ctx, end, text)
        _apply(end, self.run)
        self.run.tools = self._shown()
        self.journal.also(stream.let_go)
        if isinstance(end, RunCompleted) and end.status != "completed":
            self.journal.also(partial(steps.void_questions, run_id=self.run.id))
        error = await self._store()
        if error is not None and isinstance(end, RunCompleted):
            # Told as it is: readers learn that the answer they saw is not kept.
            self.lost = True
            end.status, end.problem = "failed", problem_of(error)
            text = text_of(end)
        stream.publish(end, text, held=True, last=True)
        stream.release(self.run.id, end.seq)
        self.end = end

    async def _store(self) -> MuxiError | None:
        """Store the end, patiently; returns why that was not possible."""
        used = spent(self._before, self.run.usage)
        deadline = asyncio.get_running_loop().time() + _PATIENCE
        pause = 0.05
        try:
            await self.journal.end(self.run, used=used, model=self._model)
        except LeaseLost:
            raise
        except StorageError as error:
            reason: MuxiError = error
        except MuxiError as error:
            # Refused for good, such as for a thread that was deleted meanwhile.
            return error
        else:
            return None
        _log.warning("Run %s is not stored yet: %s", self.run.id, reason.message)
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(pause)
            pause = min(pause * 2, 1.0)
            try:
                await self.journal.flush(self.ctx)
            except LeaseLost:
                raise
            except StorageError as error:
                reason = error
            else:
                return None
        return reason

    async def _leave(self) -> None:
        """Store what there is and let go, so that a successor can go on at once."""
        self.lost = self.ending = True
        if self._void:
            return
        if not self.decided:
            self.journal.also(partial(runs.set_status, run_id=self.run.id, status="queued"))
            self.journal.also(partial(leases.release, lease=self.journal.lease))
            self.journal.also(self.stream.let_go)
        try:
            await asyncio.shield(self.journal.flush(self.ctx))
        except MuxiError as error:
            _log.warning("Run %s was left behind: %s", self.run.id, error.message)


def _apply(end: End, run: Run) -> None:
    run.usage = end.usage
    if isinstance(end, RunSuspended):
        run.status = "waiting"
        return
    run.status = end.status
    run.problem = end.problem
    run.output = end.output


def spent(before: Usage, after: Usage) -> Usage:
    """What was consumed between two sums; its cost is unknown if the later one's is."""
    counts = {
        name: getattr(after, name) - getattr(before, name)
        for name in Usage.model_fields
        if name != "cost"
    }
    cost = None
    if after.cost is not None and before.cost is not None:
        cost = after.cost - before.cost
    return Usage(**counts, cost=cost)
