"""The journal of a run over a database: its messages, steps and events, and its end.

Made by `runtime` for each attempt of a run that it drives; implements `core.ports.Journal`. Every
write carries the fencing number of the run's lease. It numbers nothing and publishes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from muxi.core.errors import LeaseLost, MuxiError
from muxi.core.events import FINAL_STATUSES, Event
from muxi.core.messages import Message
from muxi.core.ports import Context
from muxi.core.steps import Step
from muxi.core.threads import Run
from muxi.core.usage import Usage
from muxi.storage import leases, messages, runs, steps, threads, usage
from muxi.storage.buffer import Author, ThreadBuffer
from muxi.storage.leases import Lease
from muxi.storage.transaction import Database, Scope, Tx


class StoredJournal:
    """What one attempt of a run leaves behind.

    Args:
        database: Where it goes.
        scope: In whose name.
        run: The run, as it was stored when this attempt began.
        lease: The lease on the run.
        buffer: Shared by the runs that write into the thread's stream; by default its own.
        fresh: The run was created just now, so there is nothing of it to read.
    """

    def __init__(
        self,
        database: Database,
        scope: Scope,
        run: Run,
        lease: Lease,
        *,
        buffer: ThreadBuffer | None = None,
        fresh: bool = False,
    ) -> None:
        self.run = run
        self.lease = lease
        self.buffer = buffer or ThreadBuffer(database, scope)
        self._database = database
        self._scope = scope
        self._loaded = fresh
        self._messages: list[Message] = []
        self._steps: dict[str, Step] = {}
        self._tip = run.input_id
        self._author = Author(
            lease,
            {
                "thread_id": run.thread_id,
                "root_run_id": run.root_run_id or run.id,
                "parent_run_id": run.parent_run_id,
                "attempt": run.attempt,
            },
        )

    async def run_messages(self, ctx: Context) -> Sequence[Message]:
        """The messages that this run has completed so far, oldest first, its input excluded."""
        await self._load()
        return list(self._messages)

    async def find_step(self, ctx: Context, key: str) -> Step | None:
        """The step of that key, of this attempt or one before."""
        await self._load()
        return self._steps.get(key)

    async def open_step(self, ctx: Context, step: Step) -> Step:
        """Store `step` and everything buffered before it; return the stored step of that key."""
        await self._load()
        known = self._steps.get(step.key)
        if known is not None and (known.state == "done" or step.attempt <= known.attempt):
            return known
        step.number = len(self._steps) + 1 if known is None else known.number
        self._steps[step.key] = step
        self.also(partial(steps.put, step=step.model_copy()))
        await self.flush(ctx)
        return step

    def close_step(self, ctx: Context, step: Step) -> None:
        """Buffer the step's new state and result."""
        self._steps[step.key] = step
        self.also(partial(steps.close, step=step.model_copy()))

    def append(self, ctx: Context, message: Message) -> None:
        """Buffer a message that follows the one before.

        In a root run it is the thread's new leaf, unless a fork made another branch the current
        one.
        """
        message.thread_id = self.run.thread_id
        message.run_id = self.run.id
        message.parent_id = message.parent_id or self._tip
        self._tip = message.id
        self._messages.append(message)
        place = "next" if self.run.parent_run_id is None else "aside"
        self.also(partial(messages.insert, message=message, place=place))

    def record(self, ctx: Context, event: Event, text: str | None = None) -> None:
        """Buffer an event. One without a number belongs to no stored stream and is not kept."""
        if event.seq:
            self.buffer.record(self._author, event, text)

    def also(self, act: Callable[[Tx], object]) -> None:
        """Buffer a call of store functions, made in the same transaction as what is around it.

        It may be made twice, if the first time did not become durable, and it runs off the event
        loop: what it uses must not change any more.
        """
        self.buffer.act(self._author, act)

    async def flush(self, ctx: Context | None = None) -> None:
        """Return once everything buffered is durable.

        Raises:
            LeaseLost: Another process has taken over; what was buffered since is void.
            StorageError: It is not durable; all is kept, and the next flush tries again.
            MuxiError: The database refuses something of this run, such as for a deleted thread.
        """
        self._check()
        await self.buffer.flush()
        self._check()

    async def end(
        self, run: Run, *, used: Usage, model: str | None = None, release: bool = True
    ) -> None:
        """Store the run's status, its usage and all that is buffered, and let go of its lease.

        Of a run that is to leave nothing, only its usage is left.

        Args:
            run: The run as it now is, finished or waiting; its usage is that of all attempts.
            used: What this attempt consumed.
            model: The model that answered, for analytics.
            release: Whether others may take the run at once.
        """
        final = run.model_copy()
        self.also(partial(runs.update, run=final))
        self.also(partial(usage.put, run=final, usage=used, model=model))
        if release:
            self.also(partial(leases.release, lease=self.lease))
        if final.is_passing and final.status in FINAL_STATUSES:
            self.buffer.act_last(self._author, partial(_leave_nothing, run=final))
        await self.flush()
        run.finished_at = final.finished_at

    @property
    def lost(self) -> bool:
        """Whether another process has taken over this run."""
        return isinstance(self._author.error, LeaseLost)

    def _check(self) -> None:
        error: MuxiError | None = self._author.error
        if error is not None:
            raise error

    async def _load(self) -> None:
        """Read what earlier attempts left, once."""
        if self._loaded:
            return
        run = self.run
        stored, known = await self._database.read(
            self._scope,
            lambda tx: (messages.of_run(tx, run.thread_id, run.id), steps.of_run(tx, run.id)),
        )
        self._loaded = True
        self._messages = [*_chain(stored, run.input_id), *self._messages]
        self._steps = {step.key: step for step in known} | self._steps
        if self._messages:
            self._tip = self._messages[-1].id


def _leave_nothing(tx: Tx, run: Run) -> None:
    """Delete the thread of a run, unless something else was said there. Nothing was drawn from it,
    as it was not over before; the files of its bytes go with the next sweep."""
    if len(runs.page(tx, thread_id=run.thread_id, limit=2).items) == 1:
        threads.delete(tx, run.thread_id)


def _chain(stored: Sequence[Message], input_id: str | None) -> list[Message]:
    """The messages in the order of their parents: clocks of several nodes may disagree."""
    after = {message.parent_id: message for message in stored if message.id != input_id}
    chain: list[Message] = []
    message = after.pop(input_id, None)
    while message is not None:
        chain.append(message)
        message = after.pop(message.id, None)
    return chain
