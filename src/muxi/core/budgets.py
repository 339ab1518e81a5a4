"""Budgets and what is left of them: declared in muxi.yaml or over the API, told by the server.

Data only: `identity` reserves and settles by it.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from muxi.core.record import Record

BUDGET_NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"
BudgetName = Annotated[str, StringConstraints(pattern=BUDGET_NAME)]

Period = Literal["hour", "day", "month"]
Measure = Literal["tokens", "cost", "runs", "seconds"]
MEASURES: tuple[Measure, ...] = ("tokens", "cost", "runs", "seconds")

_MOST = 10**15
"""Bound of every number, so that no sum of them leaves 64 bits."""
_MOST_DOLLARS = 10**9


@cache
def zone(name: str) -> ZoneInfo:
    """The time zone of that IANA name. Raises `ValueError` if there is none."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ValueError(f"{name!r} is no time zone") from error


def _known_zone(name: str) -> str:
    try:
        zone(name)
    except ValueError:
        raise PydanticCustomError(
            "time_zone", "a time zone by its IANA name, such as Europe/Berlin"
        ) from None
    return name


TimeZone = Annotated[str, AfterValidator(_known_zone)]
Counted = Annotated[int, Field(ge=0, le=_MOST)]


class Budget(Record):
    """How much may be consumed, by whom, and in which period."""

    per: Annotated[
        str,
        StringConstraints(
            max_length=300,
            pattern=r"^(run|tenant|user|agent|user:[^\x00]+|agent:[A-Za-z][A-Za-z0-9_-]{0,63})$",
        ),
    ]
    """`run`, `user`, `agent` or `tenant`: each of them has its own. `user:ID` or `agent:NAME`: this
    one alone, in place of what each has in the same period."""
    every: Period | None = None
    """The period after which it begins anew; none for a run, which is one whole."""
    time_zone: TimeZone = "UTC"
    """IANA name of the time zone in which periods begin."""
    tokens: Counted | None = None
    """Input and output tokens."""
    cost: Annotated[Decimal, Field(ge=0, le=_MOST_DOLLARS)] | None = None
    """US dollars; models without a known price are then refused."""
    runs: Counted | None = None
    """Runs begun by people and programs, not those that runs begin."""
    seconds: Annotated[float, Field(ge=0, le=_MOST / 1_000_000)] | None = None
    """Seconds that model and tool calls take, side by side ones added up."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Budget:
        if self.per == "run" and self.every is not None:
            raise PydanticCustomError("budget", "a run has no periods: leave out `every`")
        if self.per == "run" and self.runs is not None:
            raise PydanticCustomError("budget", "a run is one run: leave out `runs`")
        if self.per != "run" and self.every is None:
            raise PydanticCustomError("budget", "it needs `every`: hour, day or month")
        if all(getattr(self, measure) is None for measure in MEASURES):
            raise PydanticCustomError("budget", "it needs `tokens`, `cost`, `runs` or `seconds`")
        return self


class BudgetInfo(Budget):
    """A budget by its name, and where it is declared."""

    name: BudgetName
    source: Literal["file", "api"]
    """`file` is changed in muxi.yaml only."""


class Measures(Record):
    """Amounts of what a budget bounds; None for what it does not bound."""

    tokens: int | None = None
    cost: Decimal | None = None
    """US dollars."""
    runs: int | None = None
    seconds: float | None = None


class Balance(Record):
    """What is left of one budget for one of those whom it bounds."""

    budget: str
    """Name of the budget."""
    subject: str
    """Whom it bounds: `tenant`, `user:ID`, `agent:NAME` or `run:ID`."""
    every: Period | None = None
    limit: Measures
    used: Measures
    """What the price was not known of is counted at the most that it may have cost."""
    reserved: Measures
    """Set aside for calls that are under way."""
    left: Measures
    """What a call that begins now may consume."""
    starts_at: datetime | None = None
    resets_at: datetime | None = None
    """When all of it may be consumed again; None for a run's."""


GroupBy = Literal["day", "agent", "user", "model"]
GROUPS: tuple[GroupBy, ...] = ("day", "agent", "user", "model")


class UsageRow(Record):
    """What was consumed, summed up over all that is alike in what was asked to be told apart."""

    tenant: str
    day: str | None = None
    """Date in the time zone that was asked for, as YYYY-MM-DD."""
    agent: str | None = None
    user: str | None = None
    model: str | None = None
    """None also where no model had answered."""
    runs: int
    """Attempts of runs that have ended."""
    requests: int
    tool_calls: int
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    reasoning_tokens: int
    seconds: float
    cost: Decimal | None
    """US dollars, or None if the price of any of it is unknown."""
    known_cost: Decimal
    """The sum of what is known: a lower bound."""
