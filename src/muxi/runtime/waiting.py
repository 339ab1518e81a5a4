"""Runs that wait for people, and go on once nothing that they ask is open. Used by `runs`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Container
from dataclasses import dataclass, field
from functools import partial

from muxi.core.errors import Conflict, MuxiError
from muxi.core.threads import Run
from muxi.runtime.principal import Principal
from muxi.storage import runs, steps
from muxi.storage.transaction import Database, Tx

_log = logging.getLogger("muxi.runtime")


@dataclass(kw_only=True)
class Waiting:
    """Looks whether a run can go on, when it has been suspended and when it has been answered."""

    database: Database
    active: Container[str]
    """Ids of the runs that this process drives."""
    resume: Callable[[Principal, Run], Awaitable[Run]]
    _looking: set[asyncio.Task[None]] = field(default_factory=set["asyncio.Task[None]"])

    async def go_on(self, who: Principal, run_id: str) -> Run:
        """Go on with a run that waits, if none of its questions is open; else leave it as it is.

        Raises:
            NotFound: There is no such run.
            MuxiError: The agent cannot be used any more.
        """
        look = partial(_look, run_id=run_id)
        run, answered = await self.database.read(who, look, tiny=True)
        if not answered or run_id in self.active:
            return run
        try:
            return await self.resume(who, run)
        except Conflict:
            # Whoever answered another of its questions was faster.
            return await self.database.read(who, partial(runs.get, run_id=run_id), tiny=True)

    def suspended(self, who: Principal, run_id: str) -> None:
        """A run begins to wait: all that it asks may have been answered while it was at work."""
        task = asyncio.create_task(self._look_quietly(who, run_id), name=f"look at {run_id}")
        self._looking.add(task)
        task.add_done_callback(self._looking.discard)

    async def close(self) -> None:
        """Return when nothing is looked at any more."""
        await asyncio.gather(*self._looking)

    async def _look_quietly(self, who: Principal, run_id: str) -> None:
        try:
            await self.go_on(who, run_id)
        except MuxiError as error:
            # Recovery looks at it again.
            _log.warning("Run %s cannot go on: %s", run_id, error.message)


def _look(tx: Tx, run_id: str) -> tuple[Run, bool]:
    """A run, and whether it waits without an open question."""
    run = runs.get(tx, run_id)
    return run, run.status == "waiting" and not steps.suspended(tx, run_id)
