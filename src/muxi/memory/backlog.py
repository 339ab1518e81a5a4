"""The worker of memory: stores what finished runs have said, then gives it vectors.

Started by `runtime` with the project, woken when a run has ended. One works for a project, whatever
the number of its processes; what it has done is in the database, so another goes on where it fell.
It must never hold up a turn: it reads and writes little at a time, and waits in between.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import LeaseLost, MuxiError, StorageError
from muxi.memory.embedding import Embedding
from muxi.memory.following import Follower
from muxi.storage import events, leases
from muxi.storage.transaction import Database, Scope

_log = logging.getLogger("muxi.memory")

_LEASE: Final = "memory"
_LEASE_SECONDS: Final = 30.0
_POLL: Final = 2.0
"""Seconds between two looks at what other processes have finished."""
_GATHER: Final = 0.1
"""Seconds in which runs that end after one another become one piece of work."""
_EMBED_AFTER: Final = 0.4
"""Seconds until vectors are made: a program that ends after one answer does not begin with them."""
_FIRST_VECTORS: Final = 1.0
"""Seconds after the start for which a question waits for vectors that are missing."""
_AT_START: Final = 0.5
_AT_END: Final = 1.0
"""Seconds for which the start and the end of a process wait for what is to be stored."""
_BREATH: Final = 0.01
"""Seconds between two pieces of work, for the turns that wait."""
_STEPS: Final = 8
"""Pieces of one kind of work before the other has its turn: runs may end all the time."""
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
    _ready: asyncio.Event = field(default_factory=asyncio.Event)
    _ready_by: float = 0.0
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _task: asyncio.Task[None] | None = None
    _taken: set[str] = field(default_factory=set[str])
    """Tenants that this process works for, or may."""
    _failures: int = 0
    _embed_failures: int = 0
    _embed_at: float = 0.0
    """When a provider that has failed is asked again, by the monotonic clock; 0 for at once."""

    async def start(self) -> None:
        """Store what was left behind, as far as that is soon done, and begin to work."""
        await self._follow_for(_AT_START)
        await self.embedding.choose(await self.tenants())
        self._ready_by = time.monotonic() + _FIRST_VECTORS
        self._task = asyncio.create_task(self._watch(), name="memory")

    async def stop(self) -> None:
        """Store what has ended here, if that is soon done, and work no longer."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None
        if self.behind:
            await self._follow_for(_AT_END)
        await self._let_go()

    def wake(self) -> None:
        """A run has ended, or something was put down. Costs nothing; called on the event loop."""
        self.behind = True
        self._wake.set()

    async def ready(self) -> None:
        """Return once the vectors are made that were missing at the start, or soon all the same.

        A program that is started for one question would not find what the last one was told.
        """
        left = self._ready_by - time.monotonic()
        if left > 0 and not self._ready.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ready.wait(), left)

    async def catch_up(self) -> None:
        """Return once all finished runs are remembered and all of it has vectors.

        Where another process does this work, it is left to that one.

        Raises:
            MuxiError: The database or the embedding provider fails.
        """
        await self._follow_all()
        busy = True
        while busy:
            async with self._lock:
                busy = await self._embed()

    async def tenants(self) -> list[str]:
        """All tenants of the database."""
        return await self.database.tenants("memory")

    async def _follow_for(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._follow_all()
        except TimeoutError:
            _log.info("Much is to be remembered; it goes on in the background.")
        except MuxiError as error:
            _log.warning("Memory falls behind: %s", error.message)

    async def _follow_all(self) -> None:
        """Return once all runs are remembered that have ended by now."""
        whole = Scope(DEFAULT_TENANT, None)
        _, wanted = await self.database.read(whole, events.horizon)
        busy = True
        while busy:
            seen, _ = await self.database.read(whole, events.horizon)
            async with self._lock:
                busy = await self._follow()
            if seen < wanted:
                # What has ended may lie behind a transaction that has not.
                busy = True
                await asyncio.sleep(_BREATH)

    async def _watch(self) -> None:
        while True:
            pause = None if self.alone else _POLL
            try:
                await self._work()
                self._failures = 0
                if self._embed_at:
                    left = max(0.0, self._embed_at - time.monotonic())
                    pause = left if pause is None else min(pause, left)
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
        await asyncio.sleep(_GATHER)
        self._wake.clear()

    async def _work(self) -> None:
        """Store what has ended, then embed, until there is neither to do."""
        busy = True
        while busy:
            following = await self._go_on(self._follow)
            if self._ready.is_set():
                await asyncio.sleep(_EMBED_AFTER)
            embedding = await self._go_on(self._embed_patiently)
            if not embedding:
                self._ready.set()
            busy = following or embedding or self.behind

    async def _go_on(self, step: Callable[[], Awaitable[bool]]) -> bool:
        """Some steps, with pauses in which turns go first; whether there may be more to do."""
        for _ in range(_STEPS):
            async with self._lock:
                busy = await step()
            await asyncio.sleep(_BREATH)
            if not busy:
                return False
        return True

    async def _follow(self) -> bool:
        """One step in each tenant; whether there may be more to do."""
        was_behind, self.behind = self.behind, False
        more = False
        try:
            for tenant in await self.tenants():
                if await self._take(tenant):
                    more |= await self.follower.step(tenant)
        except BaseException:
            self.behind = was_behind
            raise
        self.behind = self.behind or more
        return more

    async def _embed_patiently(self) -> bool:
        """As `_embed`, leaving a provider that has failed alone for a while."""
        if time.monotonic() < self._embed_at:
            return False
        try:
            busy = await self._embed()
        except StorageError:
            raise
        except MuxiError as error:
            self._embed_failures += 1
            pause = _pause(self._embed_failures)
            self._embed_at = time.monotonic() + pause
            _log.warning("Memories wait for their vectors, %.0f s: %s", pause, error.message)
            return False
        self._embed_at, self._embed_failures = 0.0, 0
        return busy

    async def _embed(self) -> bool:
        """One batch in each tenant; whether there may be more to do."""
        tenants = await self.tenants()
        if not self.embedding.chosen:
            await self.embedding.choose(tenants)
        mine = [tenant for tenant in tenants if await self._take(tenant)]
        busy = False
        for tenant in mine:
            busy |= await self.embedding.step(tenant)
        if not busy and self.embedding.switching:
            if len(mine) == len(tenants):
                await self.embedding.settle(tenants)
            else:
                # Another process makes the vectors: look whether it has done so.
                await self.embedding.choose(tenants)
        return busy

    async def _take(self, tenant: str) -> bool:
        """Whether this process is the one that works for the tenant."""
        if self.alone:
            return True
        take = partial(
            leases.acquire, kind="job", id=_LEASE, holder=self.holder, seconds=_LEASE_SECONDS
        )
        # Known before it is taken: who is cancelled meanwhile may have taken it.
        self._taken.add(tenant)
        try:
            await self.database.write(Scope(tenant, None), take)
        except LeaseLost:
            self._taken.discard(tenant)
            return False
        return True

    async def _let_go(self) -> None:
        """Let another process work at once."""
        release = partial(leases.let_go, kind="job", id=_LEASE, holder=self.holder)
        for tenant in self._taken:
            try:
                await self.database.write(Scope(tenant, None), release)
            except MuxiError as error:
                _log.warning("The lease on memory ends by itself: %s", error.message)
        self._taken.clear()


def _pause(failures: int) -> float:
    return min(_LONGEST_PAUSE, 2.0 ** min(failures, 10) / 2)
