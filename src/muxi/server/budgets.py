"""Budgets, what is left of them, and what was consumed. Part of the API.

Whoever may not see what everybody has consumed sees their own.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from muxi.core.budgets import (
    BUDGET_NAME,
    GROUPS,
    Balance,
    Budget,
    BudgetInfo,
    GroupBy,
    TimeZone,
    UsageRow,
)
from muxi.core.errors import InvalidInput
from muxi.core.pages import Page
from muxi.core.scope import Scope
from muxi.runtime.conditions import Reading
from muxi.runtime.usage import UsageQuery
from muxi.server.operations import AnyOperation, Call, Nothing, Operation, Strict
from muxi.server.paging import WholeQuery, page_of

Limit = Annotated[int, Field(ge=1, le=1000)]
Named = Annotated[str, Field(min_length=1, max_length=300)]


_NAME = re.compile(BUDGET_NAME)


class NewBudget(Budget):
    """A budget whose unknown members are mistakes."""

    model_config = ConfigDict(extra="forbid")


class BalancesQuery(Strict):
    cursor: str | None = None
    limit: Limit = 50


_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(value: object) -> object:
    # Numbers would be taken for seconds since 1970.
    if isinstance(value, str) and _DAY.fullmatch(value) is None:
        raise ValueError("a day reads YYYY-MM-DD")
    return value


Day = Annotated[date, BeforeValidator(_day)]


class UsageParameters(Strict):
    group_by: tuple[GroupBy, ...] = ("day",)
    """What is told apart: `day`, `agent`, `user` and `model`, with commas between."""
    since: Day | None = None
    """The first day, as YYYY-MM-DD; by default 29 days before the last one."""
    until: Day | None = None
    """The last day; by default today."""
    time_zone: TimeZone = "UTC"
    """IANA name of the zone in which days begin."""
    agent: Named | None = None
    user: Named | None = None
    model: Named | None = None
    cursor: str | None = None
    limit: Limit = 50

    @field_validator("group_by", mode="before")
    @classmethod
    def _separate(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        names = tuple(part.strip() for part in value.split(",") if part.strip())
        if unknown := [name for name in names if name not in GROUPS]:
            words = f"{unknown[0][:50]!r} is none of {', '.join(GROUPS)}"
            raise PydanticCustomError("group_by", "{words}", {"words": words})
        return names


async def list_budgets(call: Call[Nothing, WholeQuery]) -> Page[BudgetInfo]:
    found = await call.runtime.budgets.all(call.who.tenant)
    return page_of(found.items, call.query, lambda each: each.name)


async def get_budget(call: Call[Nothing, Nothing]) -> BudgetInfo:
    return await call.runtime.budgets.get(call.who.tenant, _name(call))


def budget_now(call: Call[Any, Nothing]) -> Reading:
    return call.runtime.budgets.reading(_name(call))


async def put_budget(call: Call[NewBudget, Nothing]) -> BudgetInfo:
    name = _name(call)
    if _NAME.fullmatch(name) is None:
        raise InvalidInput(
            "A budget's name begins with a letter and has up to 64 letters, digits, `_`, `.`, `-`."
        )
    budget = Budget.model_validate(call.body.model_dump(exclude_unset=True))
    return await call.runtime.budgets.put(call.who.tenant, name, budget)


async def delete_budget(call: Call[Nothing, Nothing]) -> Response:
    await call.runtime.budgets.delete(call.who.tenant, _name(call))
    return Response(status_code=204)


async def list_balances(call: Call[Nothing, BalancesQuery]) -> Page[Balance]:
    query = call.query
    return await call.runtime.budgets.balances(
        await _seen(call), cursor=query.cursor, limit=query.limit
    )


async def get_usage(call: Call[Nothing, UsageParameters]) -> Page[UsageRow]:
    asked = call.query
    query = UsageQuery(
        by=asked.group_by,
        since=asked.since,
        until=asked.until,
        time_zone=asked.time_zone,
        agent=asked.agent,
        user=asked.user,
        model=asked.model,
    )
    return await call.runtime.usage.page(
        await _seen(call), query, after=asked.cursor, limit=asked.limit
    )


def _name(call: Call[Any, Any]) -> str:
    return call.path["name"]


async def _seen(call: Call[Any, Any]) -> Scope:
    """Whose consumption the caller sees: everybody's, or their own."""
    caller = call.caller
    everybody = await call.runtime.guard.allows(caller, "usage.read_all")
    # Who acts for a user sees what that user sees.
    return Scope(caller.tenant, None) if everybody and caller.acting_for is None else call.who


OPERATIONS: tuple[AnyOperation, ...] = (
    Operation(
        method="GET",
        path="/api/budgets",
        summary="All budgets, by name",
        handler=list_budgets,
        query=WholeQuery,
        action="budgets.read",
        answer=Page[BudgetInfo],
        tag="budgets",
    ),
    Operation(
        method="GET",
        path="/api/budgets/{name}",
        summary="A budget",
        handler=get_budget,
        action="budgets.read",
        resource=_name,
        answer=BudgetInfo,
        tag="budgets",
    ),
    Operation(
        method="PUT",
        path="/api/budgets/{name}",
        summary="Make a budget, or replace the one of that name",
        handler=put_budget,
        action="budgets.write",
        resource=_name,
        body=NewBudget,
        answer=BudgetInfo,
        current=budget_now,
        tag="budgets",
    ),
    Operation(
        method="DELETE",
        path="/api/budgets/{name}",
        summary="Delete a budget; what was consumed stays counted",
        handler=delete_budget,
        action="budgets.write",
        resource=_name,
        status=204,
        current=budget_now,
        tag="budgets",
    ),
    Operation(
        method="GET",
        path="/api/balances",
        summary="What is left of budgets in their present periods, by whom they bound",
        handler=list_balances,
        action="budgets.read",
        query=BalancesQuery,
        answer=Page[Balance],
        tag="budgets",
    ),
    Operation(
        method="GET",
        path="/api/usage",
        summary="What was consumed, by day, agent, user and model",
        handler=get_usage,
        action="usage.read",
        query=UsageParameters,
        answer=Page[UsageRow],
        tag="usage",
    ),
)
