"""Budgets and usage, as a client sees them. Reached as `client.budgets`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from muxi.client.calls import Call, read, segment
from muxi.core.budgets import Balance, Budget, BudgetInfo, GroupBy, UsageRow
from muxi.core.pages import Page


class Budgets:
    """What may be consumed, what is left of it, and what was consumed."""

    def __init__(self, call: Call) -> None:
        self._call = call

    async def all(self) -> list[BudgetInfo]:
        """All budgets, by name."""
        return read(Page[BudgetInfo], await self._call("GET", "/api/budgets")).items

    async def get(self, name: str) -> BudgetInfo:
        """Raises `NotFound`."""
        return read(BudgetInfo, await self._call("GET", f"/api/budgets/{segment(name)}"))

    async def put(self, name: str, budget: Budget) -> BudgetInfo:
        """Make a budget, or replace the one of that name.

        Raises:
            Conflict: muxi.yaml declares it.
        """
        body = budget.model_dump(mode="json", exclude_none=True, exclude={"name", "source"})
        answer = await self._call("PUT", f"/api/budgets/{segment(name)}", body=body)
        return read(BudgetInfo, answer)

    async def delete(self, name: str) -> None:
        """Raises `NotFound`, and `Conflict` if muxi.yaml declares it."""
        await self._call("DELETE", f"/api/budgets/{segment(name)}")

    async def balances(self, *, cursor: str | None = None, limit: int = 50) -> Page[Balance]:
        """What is left of budgets in their present periods."""
        params = {"cursor": cursor, "limit": limit}
        return read(Page[Balance], await self._call("GET", "/api/balances", params=params))

    async def usage(
        self,
        group_by: Collection[GroupBy] = ("day",),
        *,
        since: date | None = None,
        until: date | None = None,
        time_zone: str = "UTC",
        agent: str | None = None,
        user: str | None = None,
        model: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[UsageRow]:
        """What was consumed, the newest day first, then by agent, user and model.

        Args:
            group_by: What is told apart.
            since: The first day; 29 days before the last one if None.
            until: The last day; today if None.
            time_zone: IANA name of the zone in which days begin.
            agent: Of this agent only.
            user: Of this user only.
            model: Of this model only.
            cursor: Where the page begins.
            limit: Rows of a page.
        """
        params = {
            "group_by": ",".join(group_by),
            "since": since and since.isoformat(),
            "until": until and until.isoformat(),
            "time_zone": time_zone,
            "agent": agent,
            "user": user,
            "model": model,
            "cursor": cursor,
            "limit": limit,
        }
        return read(Page[UsageRow], await self._call("GET", "/api/usage", params=params))
