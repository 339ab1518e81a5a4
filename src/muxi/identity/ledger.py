"""Budgets kept: reserved before each model and tool call, settled after it. Implements `Ledger`.

Made by `runtime`, in the form that fits the database: `OwnLedger` where one process owns it,
`SharedLedger` where several share it. A project without budgets pays for one look at an empty
table.
"""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from muxi.core.alone import UNRESERVED
from muxi.core.budgets import Budget
from muxi.core.errors import BudgetExceeded, ConfigError, PriceUnknown
from muxi.core.ids import new_id
from muxi.core.ports import Context, Estimate, Reservation
from muxi.core.scope import Scope
from muxi.core.usage import Usage
from muxi.identity.budget_lines import Rules, exceeded, named
from muxi.identity.granting import MICRO, Amounts, Balance, Held, Key, Line, Short, nano
from muxi.models.model import Model
from muxi.storage import budgets as stored
from muxi.storage.records import now_micros
from muxi.storage.transaction import Database, Tx

PATIENCE = 30.0
"""Seconds for which a call waits for what others hold."""

_KEPT = 2 * 86_400 * MICRO
"""Microseconds for which a balance outlives its period, for clocks that are set back."""


class Keeper(Protocol):
    """Takes a write along with what a run stores anyway: its journal."""

    def also(self, act: Callable[[Tx], object]) -> None: ...


@dataclass(slots=True)
class Open:
    """A call under way."""

    id: str
    tenant: str
    lines: Sequence[Line]
    held: Held
    priced: bool
    """Whether its price was known."""
    began: float = field(default_factory=time.monotonic)


@dataclass(slots=True)
class Admission:
    """A run that was let in and counted. To be given back if it does not begin."""

    tenant: str = ""
    lines: Sequence[Line] = ()
    store: Callable[[Tx], object] | None = None
    """To be called in the transaction that stores the run, if there is anything to store."""


_ADMITTED = Admission()


class BudgetLedger(ABC):
    """The budgets of a project and their balances.

    Args:
        database: Where budgets of the API and balances are stored.
        declared: The budgets of muxi.yaml, which hold for every tenant.
    """

    def __init__(self, database: Database, declared: Mapping[str, Budget]) -> None:
        self.database = database
        self.declared = declared
        self._rules: dict[str, tuple[float, Rules]] = {}
        self._open: dict[str, Open] = {}
        self._settled = asyncio.Event()

    async def rules(self, tenant: str) -> Rules:
        """All budgets that hold for a tenant.

        Raises:
            ConfigError: muxi.yaml has a name that is stored too.
        """
        known = self._rules.get(tenant)
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        found = await self.database.read(Scope(tenant, None), stored.every, tiny=True)
        if twice := sorted(found.keys() & self.declared.keys()):
            raise ConfigError(
                f"The budget {twice[0]} is declared in muxi.yaml and was made over the API too.",
                hint="Rename it in muxi.yaml, or delete the other one before it is declared there.",
            )
        budgets = {**self.declared, **found}
        same = known is not None and known[1].budgets == budgets
        rules = known[1] if known is not None and same else Rules(budgets)
        self._rules[tenant] = (time.monotonic() + self._rules_hold, rules)
        return rules

    def forget_rules(self, tenant: str) -> None:
        """The stored budgets of a tenant have changed."""
        self._rules.pop(tenant, None)

    def of_run(self, journal: Keeper) -> RunLedger:
        """The ledger for one run, whose journal takes along what is to be stored."""
        return RunLedger(self, journal)

    @asynccontextmanager
    async def admitting(
        self, who: Scope, agent: str, model: Model, run_id: str
    ) -> AsyncGenerator[Callable[[Tx], object] | None]:
        """Let a run begin in the block, or count it no more if that fails.

        Gives what is to be called in the transaction that stores the run, if there is anything to
        store; raises as `admit`.
        """
        admission = await self.admit(who, agent=agent, model=model, run_id=run_id)
        try:
            yield admission.store
        except Exception:
            await self.give_back(admission)
            raise

    async def admit(self, who: Scope, *, agent: str, model: Model, run_id: str) -> Admission:
        """Let a run begin that no other run has begun, and count it.

        Raises:
            BudgetExceeded: A budget has nothing left.
            PriceUnknown: A budget bounds the cost, and the model has no known price.
        """
        rules = await self.rules(who.tenant)
        lines = rules.lines(user=who.principal or "", agent=agent, run=run_id, now=now_micros())
        if not lines:
            return _ADMITTED
        price = model.profile.price
        if price is None or price.input is None or price.output is None:
            _check_price(lines, model.name)
            free = False
        else:
            free = price.input == price.output == 0
        return await self._admit(who.tenant, lines, free)

    async def reserve(self, ctx: Context, estimate: Callable[[], Estimate]) -> Reservation:
        """See `core.ports.Ledger`."""
        known = self._rules.get(ctx.tenant)
        if known is not None and time.monotonic() < known[0]:
            rules = known[1]
        else:
            rules = await self.rules(ctx.tenant)
        run = ctx.root_run_id or ctx.run_id
        lines = rules.lines(user=ctx.user, agent=ctx.agent, run=run, now=now_micros())
        if not lines:
            return UNRESERVED
        wanted = estimate()
        is_model = wanted.input_tokens + wanted.output_tokens > 0
        if not is_model and all(line.microseconds is None for line in lines):
            # A tool call consumes nothing but time.
            return UNRESERVED
        priced = wanted.input_cost is not None and wanted.output_cost is not None
        if is_model and not priced:
            _check_price(lines, wanted.model or "the model")
        name = new_id("rsv")
        held = await self._patiently(name, ctx.tenant, lines, wanted)
        self._open[name] = Open(name, ctx.tenant, lines, held, priced)
        line = held.narrowest
        return Reservation(
            name,
            held.output_tokens,
            held.seconds,
            None if line is None else _cut_short(line, held),
        )

    async def settle(
        self,
        reservation: Reservation,
        actual: Usage,
        journal: Keeper | None = None,
    ) -> None:
        """Count what was consumed and give back the rest."""
        call = self._open.pop(reservation.id, None)
        if call is None:
            return
        cost = nano(actual.cost)
        if actual.cost is None and call.priced:
            # Whatever it cost, it was not nothing.
            cost = call.held.amounts.nano_dollars
        seconds = time.monotonic() - call.began
        amounts = Amounts(actual.total_tokens, cost, 0, int(seconds * MICRO))
        await self._settle(call, amounts, journal)
        self._wake()

    async def give_back(self, admission: Admission) -> None:
        """The run that was let in did not begin."""
        if admission.lines:
            await self._count_run(admission.tenant, admission.lines, -1)
            self._wake()

    @abstractmethod
    async def balances(self, tenant: str, keys: Sequence[Key]) -> list[Balance]:
        """What was consumed and is held on these keys."""

    async def clean(self, tenant: str) -> None:
        """Forget the balances of periods that are long over."""
        forget = partial(stored.clean, before=now_micros() - _KEPT)
        await self.database.write(Scope(tenant, None), forget)

    @abstractmethod
    async def close(self) -> None:
        """Stop what works in the background."""

    _rules_hold: float
    """Seconds for which rules are used before they are read again."""
    _look_again: float | None
    """Seconds after which other processes may have given something back; None if there are none."""

    @abstractmethod
    async def _take(
        self, id: str, tenant: str, lines: Sequence[Line], wanted: Estimate
    ) -> Held | Short:
        """Set aside what a call may consume, all at once."""

    @abstractmethod
    async def _settle(self, call: Open, amounts: Amounts, journal: Keeper | None) -> None: ...

    @abstractmethod
    async def _admit(self, tenant: str, lines: Sequence[Line], free: bool) -> Admission: ...

    @abstractmethod
    async def _count_run(self, tenant: str, lines: Sequence[Line], runs: int) -> None: ...

    async def _patiently(
        self, id: str, tenant: str, lines: Sequence[Line], wanted: Estimate
    ) -> Held:
        """What is granted, perhaps after others have given back what they hold."""
        deadline = time.monotonic() + PATIENCE
        while True:
            settled = self._settled
            taken = await self._take(id, tenant, lines, wanted)
            if isinstance(taken, Held):
                return taken
            rest = deadline - time.monotonic()
            if not taken.waits or rest <= 0:
                [balance] = await self.balances(tenant, [taken.line.key])
                raise exceeded(taken.line, taken.measure, balance, waits=taken.waits)
            await _until(settled, min(rest, self._look_again or rest))

    def _wake(self) -> None:
        """Let those look again who wait for what others hold."""
        self._settled.set()
        self._settled = asyncio.Event()


@dataclass(slots=True, frozen=True)
class RunLedger:
    """The port `Ledger`, with a journal that takes along what is to be stored."""

    ledger: BudgetLedger
    journal: Keeper | None = None

    async def reserve(self, ctx: Context, estimate: Callable[[], Estimate]) -> Reservation:
        return await self.ledger.reserve(ctx, estimate)

    async def settle(self, ctx: Context, reservation: Reservation, actual: Usage) -> None:
        if reservation is not UNRESERVED:
            await self.ledger.settle(reservation, actual, self.journal)


def check_admitted(line: Line, spent: Amounts, *, free: bool) -> Short | None:
    """Why no run may begin: a budget has nothing left at all."""
    if line.runs is not None and spent.runs >= line.runs:
        return Short(line, "runs", waits=False)
    if line.tokens is not None and spent.tokens >= line.tokens:
        return Short(line, "tokens", waits=False)
    if line.nano_dollars is not None and spent.nano_dollars >= line.nano_dollars and not free:
        return Short(line, "cost", waits=False)
    if line.microseconds is not None and spent.microseconds >= line.microseconds:
        return Short(line, "seconds", waits=False)
    return None


def _check_price(lines: Sequence[Line], model: str) -> None:
    for line in lines:
        if line.nano_dollars is not None:
            raise PriceUnknown(
                f"The budget {line.name} bounds the cost, and no price is known for {model}.",
                model=model,
                budget=line.name,
            )


def _cut_short(line: Line, held: Held) -> BudgetExceeded:
    """What is raised if a call needs more than it was granted."""
    if held.output_tokens is None:
        measure, what = "seconds", "call"
    else:
        measure, what = "tokens" if line.tokens is not None else "cost", "answer"
    return BudgetExceeded(
        f"The {what} was cut short: the budget {line.name} for {named(line.key.subject)} had no "
        "more to give at once.",
        limit=measure,
        budget=line.name,
        subject=line.key.subject,
    )


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
