"""The worker of memory: stores what finished runs have said, then gives it vectors.

Started by `runtime` with the project, woken when a run has ended. One works for a project, whatever
the number of its processes; what it has done is in the database, so another goes on where it fell.
It must never hold up a turn: it reads and writes little at a time, and waits in between.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from muxi.core.errors import LeaseLost, MuxiError, StorageError
from muxi.memory.embedding import Embedding
from muxi.memory.following import Follower
from muxi.storage import leases
from muxi.storage.transaction import Database, Scope

_log = logging.getLogger("muxi.memory")

_LEASE: Final = "memory"
_LEASE_SECONDS: Final = 30.0
_POLL: Final = 2.0
"""Seconds between two looks at what other processes have finished."""
_GATHER: Final = 0.1
"""Seconds in which runs that end after one another become one piece of work."""
_BREATH: Final = 0.01
"""Seconds between two pieces of work, for the turns that wait."""
_LONGEST_PAUSE: Final = 60.0
"""Seconds until the next attempt at a provider or a database that has failed for long."""


@dataclass(kw_only=True)
class Backlog:
    """Follows the runs of a project and embeds what they have said."""

    database: Database
    follower: Follower
    embedding: Embedding
    holder: str
    """Name of this process in leases."""
    alone: bool
    """Whether no other process can be at work: then nothing is done until a run ends here."""
    behind: bool = False
    """Whether a run has ended that is not remembered yet."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _task: asyncio.Task[None] | None = None
    _failures: int = 0
    _embed_failures: int = 0
    _embed_at: float = 0.0
    """When a provider that has failed is asked again, by the monotonic clock; 0 for at once."""

    def start(self) -> None:
        """Begin to work, with what was left behind."""
        self.behind = True
        self._task = asyncio.create_task(self._watch(), name="memory")

    async def stop(self) -> None:
        """Work no longer; what is left is done after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    def wake(self) -> None:
        """A run has ended. Costs nothing; called on the event loop."""
        self.behind = True
        self._wake.set()

    async def catch_up(self) -> None:
        """Return once all finished runs are remembered and all of it has vectors.

        Raises:
            MuxiError: The database or the embedding provider fails.
        """
        async with self._lock:
            while await self._round(patient=False):
                pass

    async def tenants(self) -> list[str]:
        """All tenants of the database."""
        return await self.database.tenants("memory")

    async def _watch(self) -> None:
        while True:
            pause = None if self.alone else _POLL
            try:
                await self._work()
                self._failures = 0
                if self._embed_at:
                    pause = max(0.0, self._embed_at - time.monotonic())
            except MuxiError as error:
                self._failures += 1
                pause = _pause(self._failures)
                _log.warning("Memory falls behind: %s", error.message)
            except Exception:  # noqa: BLE001 -- the boundary of the task: memory that stops for good would go unnoticed
                self._failures += 1
                pause = _pause(self._failures)
                _log.exception("The worker of memory broke; it goes on later.")
            await self._sleep(pause)

    async def _sleep(self, pause: float | None) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
        await asyncio.sleep(_GATHER)

    async def _work(self) -> None:
        busy = True
        while busy:
            async with self._lock:
                busy = await self._round(patient=True)
            await asyncio.sleep(_BREATH)

    async def _round(self, *, patient: bool) -> bool:
        """One step in each tenant; whether there may be more to do.

        Args:
            patient: Whether a provider that has failed is left alone for a while.
        """
        tenants = await self.tenants()
        if not self.embedding.chosen:
            await self.embedding.choose(tenants)
        self.behind, was_behind = False, self.behind
        mine: list[str] = []
        following = False
        try:
            for tenant in tenants:
                if await self._take(tenant):
                    mine.append(tenant)
                    following |= await self.follower.step(tenant)
        except BaseException:
            self.behind = was_behind
            raise
        self.behind = self.behind or following
        embedding = await self._embed(mine, patient=patient)
        if not (following or embedding) and self.embedding.switching:
            await self._finish_switch(tenants, mine)
        return following or embedding

    async def _embed(self, tenants: list[str], *, patient: bool) -> bool:
        if patient and time.monotonic() < self._embed_at:
            return False
        busy = False
        try:
            for tenant in tenants:
                busy |= await self.embedding.step(tenant)
        except StorageError:
            raise
        except MuxiError as error:
            if not patient:
                raise
            self._embed_failures += 1
            pause = _pause(self._embed_failures)
            self._embed_at = time.monotonic() + pause
            _log.warning("Memories wait for their vectors, %.0f s: %s", pause, error.message)
            return False
        self._embed_at, self._embed_failures = 0.0, 0
        return busy

    async def _finish_switch(self, tenants: list[str], mine: list[str]) -> None:
        if len(mine) == len(tenants):
            await self.embedding.settle(tenants)
        else:
            # Another process makes the vectors: look whether it has done so.
            await self.embedding.choose(tenants)

    async def _take(self, tenant: str) -> bool:
        """Whether this process is the one that works for the tenant."""
        if self.alone:
            return True
        take = partial(
            leases.acquire, kind="job", id=_LEASE, holder=self.holder, seconds=_LEASE_SECONDS
        )
        try:
            await self.database.write(Scope(tenant, None), take)
        except LeaseLost:
            return False
        return True


def _pause(failures: int) -> float:
    return min(_LONGEST_PAUSE, 2.0 ** min(failures, 10) / 2)
