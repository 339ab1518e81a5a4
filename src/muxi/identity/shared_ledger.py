"""The ledger of processes that share a database: balances and reservations are rows.

What waits at the same time is worked off in one transaction, which locks the balances in one order
everywhere. Reservations expire unless their process renews them, so that one which dies gives back
what it held.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from muxi.core.budgets import Budget
from muxi.core.errors import MuxiError, StorageError
from muxi.core.ports import Estimate
from muxi.core.scope import Scope
from muxi.identity.budget_lines import exceeded
from muxi.identity.granting import MICRO, Amounts, Balance, Held, Key, Line, Short, grant
from muxi.identity.ledger import Admission, BudgetLedger, Keeper, Open, check_admitted
from muxi.storage import budgets as stored
from muxi.storage.transaction import Database, Tx

T = TypeVar("T")
_log = logging.getLogger("muxi.identity")

RESERVED_FOR = 20.0
"""Seconds after which a reservation is given back if its process is dead."""
_BEAT = RESERVED_FOR / 3
_POLL = 0.25
"""Seconds after which another process may have given something back."""
_AT_ONCE = 64
"""The most that is worked off in one transaction."""
_PAUSE = 1.0
"""Seconds before a database that failed is told again what was consumed."""


@dataclass(slots=True)
class _Want:
    """A call that wants to begin."""

    id: str
    lines: Sequence[Line]
    wanted: Estimate
    future: asyncio.Future[Held | Short]


@dataclass(slots=True)
class _Done:
    """A call that has ended, or runs that were counted."""

    lines: Sequence[Line]
    amounts: Amounts
    future: asyncio.Future[None]
    id: str | None = None
    """Of the reservation to be given back."""


@dataclass(slots=True)
class _Desk:
    """What waits for one tenant's balances."""

    waiting: list[_Want | _Done] = field(default_factory=list["_Want | _Done"])
    task: asyncio.Task[None] | None = None


class SharedLedger(BudgetLedger):
    """Balances that other processes change too."""

    _rules_hold = 1.0
    _look_again = _POLL

    def __init__(self, database: Database, declared: Mapping[str, Budget]) -> None:
        super().__init__(database, declared)
        self._desks: dict[str, _Desk] = {}
        self._beating: asyncio.Task[None] | None = None

    async def balances(self, tenant: str, keys: Sequence[Key]) -> list[Balance]:
        return await self.database.read(Scope(tenant, None), partial(_read, keys=keys))

    async def clean(self, tenant: str) -> None:
        await super().clean(tenant)
        await self.database.write(Scope(tenant, None), _expire)

    async def close(self) -> None:
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        if tasks:
            # What was consumed is stored before the database is closed.
            await asyncio.wait(tasks, timeout=_PAUSE)
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])

    async def _take(
        self, id: str, tenant: str, lines: Sequence[Line], wanted: Estimate
    ) -> Held | Short:
        future: asyncio.Future[Held | Short] = asyncio.get_running_loop().create_future()
        self._put(tenant, _Want(id, lines, wanted, future))
        taken = await future
        if self._beating is None or self._beating.done():
            self._beating = asyncio.create_task(self._beat(), name="reservations")
        return taken

    async def _settle(self, call: Open, amounts: Amounts, journal: Keeper | None) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(call.tenant, _Done(call.lines, amounts, future, call.id))
        await future

    async def _admit(self, tenant: str, lines: Sequence[Line], free: bool) -> Admission:
        counts = any(line.runs is not None for line in lines)
        work = partial(_admit, lines=lines, free=free, counts=counts)
        await self.database.write(Scope(tenant, None), work)
        return Admission(tenant, lines) if counts else Admission()

    async def _count_run(self, tenant: str, lines: Sequence[Line], runs: int) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(tenant, _Done(lines, Amounts(runs=runs), future))
        await future

    def _put(self, tenant: str, item: _Want | _Done) -> None:
        desk = self._desks.setdefault(tenant, _Desk())
        desk.waiting.append(item)
        if desk.task is None or desk.task.done():
            desk.task = asyncio.create_task(self._work(tenant, desk), name="ledger")

    async def _work(self, tenant: str, desk: _Desk) -> None:
        scope = Scope(tenant, None)
        while desk.waiting:
            batch, desk.waiting = desk.waiting[:_AT_ONCE], desk.waiting[_AT_ONCE:]
            try:
                granted = await self.database.write(scope, partial(_work_off, batch=batch))
            except MuxiError as error:
                await self._failed(desk, batch, error)
                continue
            unwanted: list[str] = []
            for item in batch:
                if isinstance(item, _Done):
                    _resolve(item.future, None)
                elif not _resolve(item.future, granted[item.id]):
                    unwanted.append(item.id)
            if unwanted:
                # Whoever asked was cancelled meanwhile.
                await self._release(scope, unwanted)

    async def _failed(self, desk: _Desk, batch: Iterable[_Want | _Done], error: MuxiError) -> None:
        """Whoever wants something is told; what was consumed is stored later."""
        for item in batch:
            if isinstance(item, _Want):
                if not item.future.done():
                    item.future.set_exception(error)
            else:
                _resolve(item.future, None)
                desk.waiting.append(item)
        if desk.waiting:
            _log.warning("What was consumed is not stored yet: %s", error.message)
            await asyncio.sleep(_PAUSE)

    async def _release(self, scope: Scope, ids: Sequence[str]) -> None:
        try:
            await self.database.write(scope, partial(_release, ids=ids))
        except StorageError as error:
            _log.warning("A reservation stays until it expires: %s", error.message)

    async def _beat(self) -> None:
        """Renew what is reserved, as long as there is anything."""
        while self._open:
            await asyncio.sleep(_BEAT)
            of_tenants: dict[str, list[str]] = {}
            for call in self._open.values():
                of_tenants.setdefault(call.tenant, []).append(call.id)
            for tenant, ids in of_tenants.items():
                try:
                    await self.database.write(Scope(tenant, None), partial(_renew, ids=ids))
                except StorageError as error:
                    _log.warning("Reservations could not be renewed: %s", error.message)


def _release(tx: Tx, ids: Sequence[str]) -> None:
    for each in ids:
        stored.release(tx, each)


def _resolve(future: asyncio.Future[T], value: T) -> bool:
    """Whether anybody still waits for it."""
    if future.done():
        return False
    future.set_result(value)
    return True


def _read(tx: Tx, keys: Sequence[Key]) -> list[Balance]:
    now = tx.clock()
    return [
        Balance(Amounts(*stored.spent(tx, key)), Amounts(*stored.held(tx, key, now)))
        for key in keys
    ]


def _locked(tx: Tx, lines: Iterable[Line], added: Mapping[Key, Amounts]) -> dict[Key, Balance]:
    """The balances of these lines, which nobody else changes until the commit."""
    ends = {line.key: line.ends_at for line in lines}
    balances: dict[Key, Balance] = {}
    for key in sorted(ends):
        more = added.get(key)
        amounts = (
            (0, 0, 0, 0)
            if more is None
            else (more.tokens, more.nano_dollars, more.runs, more.microseconds)
        )
        balances[key] = Balance(Amounts(*stored.add(tx, key, ends[key], amounts)), Amounts())
    return balances


def _work_off(tx: Tx, batch: Sequence[_Want | _Done]) -> dict[str, Held | Short]:
    """Store what was consumed, then grant what is wanted, in the order in which it came."""
    added: dict[Key, Amounts] = {}
    for item in batch:
        if isinstance(item, _Done):
            for key in {line.key for line in item.lines}:
                added.setdefault(key, Amounts()).add(item.amounts)
    balances = _locked(tx, (line for item in batch for line in item.lines), added)
    for item in batch:
        if isinstance(item, _Done) and item.id is not None:
            stored.release(tx, item.id)
    wants = [item for item in batch if isinstance(item, _Want)]
    now = tx.clock()
    for key in {line.key for item in wants for line in item.lines}:
        balances[key].held = Amounts(*stored.held(tx, key, now))
    granted: dict[str, Held | Short] = {}
    for item in wants:
        taken = grant([(line, balances[line.key]) for line in item.lines], item.wanted)
        granted[item.id] = taken
        if isinstance(taken, Held):
            _hold(tx, item, taken.amounts, balances, now)
    return granted


def _hold(tx: Tx, item: _Want, amounts: Amounts, balances: Mapping[Key, Balance], now: int) -> None:
    keys = list({line.key: None for line in item.lines})
    for key in keys:
        balances[key].held.add(amounts)
    stored.hold(
        tx,
        item.id,
        keys,
        (amounts.tokens, amounts.nano_dollars, amounts.runs, amounts.microseconds),
        expires_at=now + int(RESERVED_FOR * MICRO),
    )


def _admit(tx: Tx, lines: Sequence[Line], free: bool, counts: bool) -> None:
    """Count a run, if there is something left on every line.

    Raises:
        BudgetExceeded: There is nothing left on one of them.
    """
    one = Amounts(runs=1)
    added = {line.key: one for line in lines} if counts else {}
    balances = _locked(tx, lines, added)
    for line in lines:
        balance = balances[line.key]
        if counts:
            # As it was before this run.
            before = Amounts(
                balance.spent.tokens,
                balance.spent.nano_dollars,
                balance.spent.runs - 1,
                balance.spent.microseconds,
            )
        else:
            before = balance.spent
        short = check_admitted(line, before, free=free)
        if short is not None:
            # Raised, so that the transaction is undone and the run not counted.
            raise exceeded(line, short.measure, Balance(before, balance.held), waits=False)


def _renew(tx: Tx, ids: Sequence[str]) -> None:
    stored.renew(tx, ids, expires_at=tx.clock() + int(RESERVED_FOR * MICRO))


def _expire(tx: Tx) -> None:
    stored.expire(tx, tx.clock())
