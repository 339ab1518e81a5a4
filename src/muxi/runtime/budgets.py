"""The service of budgets: what is declared, what is left, and changes over the API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from muxi.core.budgets import Balance, Budget, BudgetInfo
from muxi.core.caller import DEFAULT_TENANT
from muxi.core.errors import Conflict, NotFound
from muxi.core.pages import Page
from muxi.core.scope import Scope
from muxi.identity.budget_lines import now_micros, shown
from muxi.identity.granting import Key
from muxi.identity.ledger import BudgetLedger
from muxi.identity.own_ledger import OwnLedger
from muxi.identity.shared_ledger import SharedLedger
from muxi.storage import budgets as stored
from muxi.storage.transaction import Database, Tx


def ledger_of(database: Database, declared: Mapping[str, Budget]) -> BudgetLedger:
    """The ledger that fits the database."""
    kind = OwnLedger if database.dialect == "sqlite" else SharedLedger
    return kind(database, declared)


@dataclass(slots=True, kw_only=True)
class Budgets:
    """Budgets of the tenant in whose name each method is called."""

    database: Database
    ledger: BudgetLedger

    async def check(self) -> None:
        """Raise `ConfigError` if a name is both declared in muxi.yaml and stored."""
        for tenant in {DEFAULT_TENANT, *await self.database.tenants("budgets")}:
            await self.ledger.rules(tenant)

    async def all(self, tenant: str) -> Page[BudgetInfo]:
        """All budgets, by name."""
        # Not as the ledger keeps them: another node may have changed one just now.
        known = await self.database.read(Scope(tenant, None), stored.every, tiny=True)
        known |= self.ledger.declared
        return Page[BudgetInfo](items=[self._info(name, known[name]) for name in sorted(known)])

    async def get(self, tenant: str, name: str) -> BudgetInfo:
        """Raises `NotFound`."""
        return await self.database.read(Scope(tenant, None), self.reading(name), tiny=True)

    def reading(self, name: str) -> Callable[[Tx], BudgetInfo]:
        """How `get` reads, inside of a transaction."""

        def read(tx: Tx) -> BudgetInfo:
            budget = self.ledger.declared.get(name) or stored.every(tx).get(name)
            if budget is None:
                raise NotFound(f"There is no budget {name}.")
            return self._info(name, budget)

        return read

    def _info(self, name: str, budget: Budget) -> BudgetInfo:
        source = "file" if name in self.ledger.declared else "api"
        return BudgetInfo(**budget.model_dump(), name=name, source=source)

    async def put(self, tenant: str, name: str, budget: Budget) -> BudgetInfo:
        """Make a budget, or replace the one of that name.

        Raises:
            Conflict: muxi.yaml declares it.
        """
        self._check_own(name)
        store = partial(stored.put, name=name, budget=budget)
        await self.database.write(Scope(tenant, None), store, tiny=True)
        self.ledger.forget_rules(tenant)
        return await self.get(tenant, name)

    async def delete(self, tenant: str, name: str) -> None:
        """Raises `NotFound`, and `Conflict` if muxi.yaml declares it."""
        self._check_own(name)
        remove = partial(stored.delete, name=name)
        await self.database.write(Scope(tenant, None), remove, tiny=True)
        self.ledger.forget_rules(tenant)

    async def balances(
        self, who: Scope, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Balance]:
        """What is left of the present periods of whoever has consumed something, by subject.

        A user sees their own, also if they have consumed nothing yet.
        """
        rules = await self.ledger.rules(who.tenant)
        if who.principal is not None:
            lines = rules.lines(user=who.principal, agent="", run="", now=now_micros())
            lines = [line for line in lines if line.key.subject == f"user:{who.principal}"]
            balances = await self.ledger.balances(who.tenant, [line.key for line in lines])
            return Page[Balance](items=list(map(shown, lines, balances)))
        read = partial(stored.current, after=cursor, limit=limit)
        page = await self.database.read(who, read)
        keys = [Key(*each.key) for each in page.items]
        pairs = zip(keys, await self.ledger.balances(who.tenant, keys), strict=True)
        items = [shown(line, balance) for key, balance in pairs for line in rules.of_key(key)]
        return Page[Balance](items=items, next=page.next)

    def _check_own(self, name: str) -> None:
        if name in self.ledger.declared:
            raise Conflict(
                f"The budget {name} is declared in muxi.yaml.",
                hint="Change it there, or choose another name.",
            )
