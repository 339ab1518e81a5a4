"""Allowances that the processes of one database use up together. Called by `server.rates`.

A process lets a few requests of a subject pass on credit and tells the rows of them in the
background, ahead of need; so a request waits for the database only if its process owes the rows a
whole block. It never decides anything: it tells the doors what others have used.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from math import ceil
from typing import Final

from muxi.core.errors import StorageError
from muxi.core.scope import Scope
from muxi.storage import limits
from muxi.storage.limits import Use
from muxi.storage.transaction import Database, Tx

_log = logging.getLogger("muxi.identity")

_BLOCKS: Final = 20
"""Blocks of a limit: so many requests of it pass unseen by other processes."""
_SOON: Final = 1.0
"""Seconds after which the rows are told of less than half a block."""
_AT_ONCE: Final = 1_000
"""The most subjects that are told of in one transaction."""
_PAUSE: Final = 1.0
"""Seconds before a database that failed is told again."""
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Limit:
    """One limit, as far as counting goes."""

    name: str
    requests: int
    seconds: float

    @property
    def step(self) -> float:
        """Seconds in which one request comes back."""
        return self.seconds / self.requests

    @property
    def block(self) -> int:
        """Requests that one process lets pass before the rows know of them."""
        return max(1, self.requests // _BLOCKS)


@dataclass(slots=True)
class Allowance:
    """What one subject has used of one limit, as far as this process knows.

    Instants are those of `time.monotonic`.
    """

    full_at: float = 0.0
    """When all of it has come back."""
    alone_at: float = 0.0
    """When what is `untold` would have come back, if nothing else had been used."""
    untold: int = 0
    """Requests that the rows do not know of yet."""
    telling: int = 0
    """Requests that they are being told of."""

    def use(self, step: float, now: float) -> None:
        """One more, which the rows are to be told of."""
        self.alone_at = max(self.alone_at if self.untold else 0.0, now) + step
        self.untold += 1


@dataclass(slots=True)
class _Due:
    """What the row of one subject is to be told."""

    subject: str
    limit: Limit
    allowance: Allowance
    used: int = 0
    alone_at: float = 0.0

    def take(self) -> None:
        """Begin to tell all that is untold."""
        known = self.allowance
        self.used, self.alone_at = known.untold, known.alone_at
        known.telling, known.untold = known.untold, 0

    def told(self, full_at: float) -> None:
        """The row knows; all has come back at `full_at`, save for what was used meanwhile."""
        known = self.allowance
        known.telling = 0
        if known.untold:
            full_at = max(full_at + known.untold * self.limit.step, known.alone_at)
        known.full_at = full_at

    def failed(self) -> None:
        """The row does not know."""
        known, later = self.allowance, self.alone_at
        if known.untold:
            later = max(later + known.untold * self.limit.step, known.alone_at)
        known.untold, known.telling, known.alone_at = known.untold + known.telling, 0, later

    def at(self, now: float) -> Use:
        """What the row is told now."""
        named = f"{self.limit.name}\0{self.subject}".encode("utf-8", "surrogatepass")
        cost = ceil(self.used * self.limit.step * _MICRO)
        return Use(
            hashlib.sha256(named).hexdigest(), cost, max(0, ceil((self.alone_at - now) * _MICRO))
        )


@dataclass(slots=True)
class _Desk:
    """What the rows of one tenant are to be told."""

    due: dict[tuple[str, str], _Due] = field(default_factory=dict[tuple[str, str], _Due])
    urgent: asyncio.Event = field(default_factory=asyncio.Event)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set, and replaced, whenever the rows were told something, or could not be."""
    away: bool = False
    """Whether the database does not answer: this process then counts for itself."""
    task: asyncio.Task[None] | None = None


class SharedAllowances:
    """The allowances of one process, and the rows that it shares with others."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._desks: dict[str, _Desk] = {}
        self._used: set[str] = set()
        """Tenants that rows were written of since they were last swept."""
        self._closing = False

    def owes(self, tenant: str, limit: Limit, allowance: Allowance) -> bool:
        """Whether one more would be more than a block that the rows do not know of."""
        if allowance.untold + allowance.telling < limit.block:
            return False
        desk = self._desks.get(tenant)
        return desk is not None and not desk.away

    async def wait(self, tenant: str) -> None:
        """Wait until the rows of a tenant were told what they do not know, or cannot be."""
        desk = self._desks[tenant]
        desk.urgent.set()
        await desk.told.wait()

    def use(
        self, tenant: str, subject: str, limit: Limit, allowance: Allowance, now: float
    ) -> None:
        """One more passes; the row is told soon."""
        allowance.use(limit.step, now)
        desk = self._desks.get(tenant)
        if desk is None:
            desk = self._desks[tenant] = _Desk()
        key = limit.name, subject
        if key not in desk.due:
            desk.due[key] = _Due(subject, limit, allowance)
        if (allowance.untold + allowance.telling) * 2 >= limit.block:
            desk.urgent.set()
        if desk.task is None:
            desk.task = asyncio.create_task(self._tell(tenant, desk), name="allowances")

    async def sweep(self) -> None:
        """Remove the rows of which all has come back."""
        used, self._used = self._used, set()
        for tenant in used:
            await self._database.write(Scope(tenant, None), limits.sweep_rates)

    async def close(self) -> None:
        """Tell the rows what they do not know, unless the database is away."""
        self._closing = True
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        for desk in self._desks.values():
            desk.urgent.set()
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_PAUSE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _tell(self, tenant: str, desk: _Desk) -> None:
        try:
            while desk.due:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_SOON):
                        await desk.urgent.wait()
                await self._tell_once(tenant, desk)
                if desk.away:
                    if self._closing:
                        break
                    await asyncio.sleep(_PAUSE)
        finally:
            del self._desks[tenant]
            desk.told.set()

    async def _tell_once(self, tenant: str, desk: _Desk) -> None:
        batch = [desk.due.pop(key) for key in list(islice(desk.due, _AT_ONCE))]
        if not desk.due:
            desk.urgent.clear()
        for each in batch:
            each.take()
        now = time.monotonic()
        uses = [each.at(now) for each in batch]
        try:
            found = await self._database.write(Scope(tenant, None), partial(_use, uses=uses))
        except StorageError as error:
            if not desk.away:
                _log.warning("Limits are counted by each process for itself: %s", error.message)
            desk.away = True
            for each in batch:
                each.failed()
                desk.due[each.limit.name, each.subject] = each
        else:
            desk.away = False
            self._used.add(tenant)
            now = time.monotonic()
            for each, behind in zip(batch, found, strict=True):
                each.told(now + behind)
        told, desk.told = desk.told, asyncio.Event()
        told.set()


def _use(tx: Tx, uses: Sequence[Use]) -> list[float]:
    return [behind / _MICRO for behind in limits.use(tx, uses)]
