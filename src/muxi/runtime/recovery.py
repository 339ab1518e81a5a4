"""Runs that outlive their process: leases are kept alive, and what a dead process left goes on.

Started by `build` with the project. It must never touch a run whose lease another process holds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial

from muxi.core.errors import Conflict, LeaseLost, MuxiError, NotFound, StorageError
from muxi.core.events import FINAL_STATUSES
from muxi.core.problems import problem_of
from muxi.core.threads import Run
from muxi.runtime.begin import LEASE_SECONDS
from muxi.runtime.principal import Principal
from muxi.runtime.runs import Runs
from muxi.storage import events, leases, runs, steps, threads
from muxi.storage.leases import Lease
from muxi.storage.transaction import Tx

_log = logging.getLogger("muxi.runtime")

_BEAT = LEASE_SECONDS / 3
"""Seconds between two renewals: two may fail before a lease is lost."""

_MOST_CRASHES = 5
"""Attempts that may die before a run is given up: it may be what kills them."""

_SWEEP = 24 * 3600.0
"""Seconds between two sweeps of what nobody needs any more."""

_PAGE = 1000

_UNSETTLED = frozenset(
    {"message.started", "text.delta", "reasoning.delta", "tool_call.started", "tool_call.delta"}
)
"""Events of an answer that is not complete: they are void if it never becomes so."""


@dataclass(kw_only=True)
class Recovery:
    """Keeps the runs of this process and takes over those of dead ones."""

    runs: Runs
    expire: Callable[[], Awaitable[None]]
    """Closes the questions that nobody has answered in time."""
    sweepers: Sequence[Callable[[str], Awaitable[None]]]
    """What clears up after a tenant, once a day."""
    _task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Go on with what was left behind, then watch."""
        # The owner of a SQLite project is alone: whatever lease there is, its holder is dead.
        await self._take_over(seize=self.runs.database.dialect == "sqlite")
        self._task = asyncio.create_task(self._watch(), name="recovery")

    async def stop(self) -> None:
        """Watch no longer; leases end by themselves."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _watch(self) -> None:
        swept = 0.0
        while True:
            await asyncio.sleep(_BEAT)
            try:
                await self._renew()
                await self._take_over(seize=False)
                await self.expire()
                if time.monotonic() - swept > _SWEEP:
                    swept = time.monotonic()
                    for tenant in await self.runs.database.tenants("sweep"):
                        for sweep in self.sweepers:
                            await sweep(tenant)
            except StorageError as error:
                _log.warning("Leases could not be renewed: %s", error.message)

    async def _renew(self) -> None:
        for attempt in list(self.runs.active.values()):
            # It may have ended while others were renewed: then it has let its leases go.
            if attempt.ending:
                continue
            held = [attempt.journal.lease]
            if attempt.stream.lease is not None:
                held.append(attempt.stream.lease)
            try:
                await self.runs.database.write(attempt.stream.who, partial(_renew_all, held=held))
            except LeaseLost:
                if not attempt.ending:
                    _log.warning("Run %s is held by another process now.", attempt.run.id)
                    attempt.interrupt()

    async def _take_over(self, *, seize: bool) -> None:
        for tenant in await self.runs.database.tenants("recovery"):
            whole = Principal(tenant, None)
            unfinished = await self.runs.database.read(whole, runs.ready)
            for run in unfinished:
                if run.id not in self.runs.active:
                    # It may have ended here, or been deleted, since the list was read.
                    look = partial(_look_again, run_id=run.id)
                    found = await self.runs.database.read(whole, look, tiny=True)
                    if found is not None:
                        current, owner = found
                        await self._consider(Principal(tenant, owner), current, seize=seize)

    async def _consider(self, who: Principal, run: Run, *, seize: bool) -> None:
        asked = partial(steps.suspended, run_id=run.id)
        if run.status == "waiting" and await self.runs.database.read(who, asked, tiny=True):
            return
        if seize:
            free = partial(_seize, run=run, holder=self.runs.holder)
            await self.runs.database.write(who, free)
        try:
            await self._go_on(who, run)
        except Conflict:
            # Another process drives it.
            return
        except MuxiError as error:
            _log.warning("Run %s cannot go on: %s", run.id, error.message)
            if not error.retryable:
                await self._give_up(who, run, error)

    async def _go_on(self, who: Principal, run: Run) -> None:
        told = self.runs.untold.pop(run.id, None)
        if told is not None:
            await self.runs.conclude(who, run, told.status, told.problem)
            return
        if run.status == "waiting":
            # It was answered, and the process died before it could go on.
            await self.runs.resume(who, run)
            return
        if run.is_passing:
            # Whoever was told lost the connection with the process, and nobody finds it again.
            await self.runs.conclude(who, run, "cancelled")
            return
        if run.crashes >= _MOST_CRASHES:
            error = MuxiError(f"{run.crashes + 1} attempts of this run died with their process.")
            await self._give_up(who, run, error)
            return
        _log.info("Run %s goes on after its process ended.", run.id)
        await self.runs.resume(who, run, replaces_from=await self._settled(who, run))

    async def _give_up(self, who: Principal, run: Run, error: MuxiError) -> None:
        try:
            await self.runs.conclude(who, run, "failed", problem_of(error))
        except Conflict:
            return

    async def _settled(self, who: Principal, run: Run) -> int:
        """Number of the run's last event that holds whatever comes."""
        settled = since = max(0, run.first_seq - 1)
        while True:
            read = partial(
                events.read, thread_id=run.thread_id, since=since, limit=_PAGE, run_id=run.id
            )
            page = await self.runs.database.read(who, read)
            held = [event.seq for event in page if event.type not in _UNSETTLED]
            settled = held[-1] if held else settled
            if len(page) < _PAGE:
                return settled
            since = page[-1].seq


def _look_again(tx: Tx, run_id: str) -> tuple[Run, str] | None:
    """The run and the owner of its thread, unless it is over."""
    try:
        run = runs.get(tx, run_id)
        return None if run.status in FINAL_STATUSES else (run, threads.get(tx, run.thread_id).owner)
    except NotFound:
        return None


def _renew_all(tx: Tx, held: list[Lease]) -> None:
    for lease in held:
        leases.renew(tx, lease, seconds=LEASE_SECONDS)


def _seize(tx: Tx, run: Run, holder: str) -> None:
    """Take the leases of a dead process, so that nothing it may still send is written."""
    leases.seize(tx, "run", run.id, holder)
    leases.seize(tx, "thread", run.thread_id, holder)
