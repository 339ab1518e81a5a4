"""The ledger of the process that owns its database: balances in memory, stored with each run.

What calls under way hold is nowhere else, so that a process which dies gives it back by dying.
What was consumed is stored in the transaction that stores the answer it was consumed for.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from muxi.core.budgets import Budget
from muxi.core.ports import Estimate
from muxi.core.scope import Scope
from muxi.identity.budget_lines import exceeded
from muxi.identity.granting import Amounts, Balance, Held, Key, Line, Short, grant
from muxi.identity.ledger import Admission, BudgetLedger, Keeper, Open, check_admitted
from muxi.storage import budgets as stored
from muxi.storage.transaction import Database, Tx

_MOST = 20_000
"""Balances in memory, after which those are left out that nobody used lately."""
_LATELY = 120.0
"""Seconds in which whatever was consumed is stored."""


@dataclass(slots=True)
class _Account(Balance):
    """A balance in memory."""

    used_at: float = field(default_factory=time.monotonic)


class OwnLedger(BudgetLedger):
    """Balances that no other process changes."""

    _rules_hold = float("inf")
    _look_again = None

    def __init__(self, database: Database, declared: Mapping[str, Budget]) -> None:
        super().__init__(database, declared)
        self._accounts: dict[tuple[str, Key], _Account] = {}

    async def balances(self, tenant: str, keys: Sequence[Key]) -> list[Balance]:
        return [await self._account(tenant, key) for key in keys]

    async def close(self) -> None:
        """All is stored with the runs that it was consumed by."""

    async def _take(
        self, id: str, tenant: str, lines: Sequence[Line], wanted: Estimate
    ) -> Held | Short:
        accounts = await self._accounts_of(tenant, lines)
        # From here on nothing waits, so that nobody is granted the same.
        taken = grant([(line, accounts[line.key]) for line in lines], wanted)
        if isinstance(taken, Held):
            for account in accounts.values():
                account.held.add(taken.amounts)
        return taken

    async def _settle(self, call: Open, amounts: Amounts, journal: Keeper | None) -> None:
        accounts = await self._accounts_of(call.tenant, call.lines)
        for account in accounts.values():
            account.held.subtract(call.held.amounts)
            account.spent.add(amounts)
        store = partial(_store, lines=call.lines, accounts=accounts)
        if journal is not None:
            journal.also(store)
        else:
            await self.database.write(Scope(call.tenant, None), store, tiny=True)

    async def _admit(self, tenant: str, lines: Sequence[Line], free: bool) -> Admission:
        accounts = await self._accounts_of(tenant, lines)
        for line in lines:
            account = accounts[line.key]
            short = check_admitted(line, account.spent, free=free)
            if short is not None:
                raise exceeded(line, short.measure, account, waits=False)
        if all(line.runs is None for line in lines):
            return Admission()
        for account in accounts.values():
            account.spent.runs += 1
        return Admission(tenant, lines, partial(_store, lines=lines, accounts=accounts))

    async def _count_run(self, tenant: str, lines: Sequence[Line], runs: int) -> None:
        for account in (await self._accounts_of(tenant, lines)).values():
            account.spent.runs += runs

    async def _accounts_of(self, tenant: str, lines: Sequence[Line]) -> dict[Key, _Account]:
        """The accounts of these lines, each once: two budgets may bound the same."""
        found: dict[Key, _Account] = {}
        for line in lines:
            key = line.key
            if key not in found:
                found[key] = await self._account(tenant, key)
        return found

    async def _account(self, tenant: str, key: Key) -> _Account:
        known = self._accounts.get((tenant, key))
        if known is None:
            read = partial(stored.spent, key=key)
            spent = await self.database.read(Scope(tenant, None), read, tiny=True)
            if len(self._accounts) >= _MOST:
                self._leave_out()
            # Another call may have been as quick.
            fresh = _Account(Amounts(*spent), Amounts())
            known = self._accounts.setdefault((tenant, key), fresh)
        known.used_at = time.monotonic()
        return known

    def _leave_out(self) -> None:
        before = time.monotonic() - _LATELY
        nothing = Amounts()
        self._accounts = {
            key: account
            for key, account in self._accounts.items()
            if account.used_at > before or account.held != nothing
        }


def _store(tx: Tx, *, lines: Sequence[Line], accounts: Mapping[Key, _Account]) -> None:
    """Store the accounts as they are now: never less than what this transaction answers for."""
    ends = {line.key: line.ends_at for line in lines}
    for key, account in accounts.items():
        spent = account.spent
        amounts = (spent.tokens, spent.nano_dollars, spent.runs, spent.microseconds)
        stored.store(tx, key, ends[key], amounts)
