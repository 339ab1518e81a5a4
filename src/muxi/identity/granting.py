"""How much of what is left a call is granted: pure arithmetic over whole numbers.

Called by the ledgers of both databases. Nothing is granted twice: what others hold counts as gone
until they settle. A call that wants more than its share gets a shorter answer rather than none.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from muxi.core.budgets import Budget, Measure
from muxi.core.ports import Estimate

NANO = 1_000_000_000
MICRO = 1_000_000

_SHARE = 4
"""A call is granted this part of what is left at most, so that others may begin beside it..."""
_FAIR_ANSWER = 4_096
"""...but always as many output tokens as nearly all answers need..."""
_LEAST_ANSWER = 64
"""...and never fewer than an answer of any use has."""

_SHARE_OF_TIME = 100
_FAIR_TIME = 60 * MICRO
"""Likewise for time, of which no call knows how much it will need."""


class Key(NamedTuple):
    """What is counted together: one subject in one period."""

    subject: str
    period: str
    starts_at: int


@dataclass(slots=True)
class Amounts:
    """What budgets count, in whole numbers."""

    tokens: int = 0
    nano_dollars: int = 0
    runs: int = 0
    microseconds: int = 0

    def add(self, other: Amounts) -> None:
        self.tokens += other.tokens
        self.nano_dollars += other.nano_dollars
        self.runs += other.runs
        self.microseconds += other.microseconds

    def subtract(self, other: Amounts) -> None:
        self.tokens -= other.tokens
        self.nano_dollars -= other.nano_dollars
        self.runs -= other.runs
        self.microseconds -= other.microseconds


@dataclass(slots=True, frozen=True)
class Line:
    """A budget as it bounds one subject now. None is no bound."""

    name: str
    budget: Budget
    key: Key
    ends_at: int
    """Microseconds since 1970; for a run, how long its balance is kept."""
    tokens: int | None
    nano_dollars: int | None
    runs: int | None
    microseconds: int | None

    @classmethod
    def of(cls, name: str, budget: Budget, key: Key, ends_at: int) -> Line:
        return cls(
            name,
            budget,
            key,
            ends_at,
            tokens=budget.tokens,
            nano_dollars=None if budget.cost is None else int(budget.cost * NANO),
            runs=budget.runs,
            microseconds=None if budget.seconds is None else int(budget.seconds * MICRO),
        )


@dataclass(slots=True)
class Balance:
    """What was consumed on one key, and what calls under way may consume at most."""

    spent: Amounts
    held: Amounts


@dataclass(slots=True, frozen=True)
class Held:
    """What is set aside for a call."""

    amounts: Amounts
    output_tokens: int | None = None
    """The most that the answer may have; None if all that was wanted is granted."""
    seconds: float | None = None
    """The longest that the call may take."""
    narrowest: Line | None = None
    """The line that bounds the answer or the time."""


@dataclass(slots=True, frozen=True)
class Short:
    """Why nothing is granted."""

    line: Line
    measure: Measure
    waits: bool
    """Whether what others hold would be enough, once they give it back."""


@dataclass(slots=True)
class _Room:
    """Output tokens or time that may be granted, narrowed line by line."""

    most: int
    line: Line | None = None

    def narrow(self, room: int, line: Line) -> None:
        if room < self.most:
            self.most, self.line = room, line


def grant(lines: list[tuple[Line, Balance]], wanted: Estimate) -> Held | Short:
    """What a call may consume, or which line has too little left for it."""
    # A bound for what nobody can bound by itself: its answer is then told how long it may be.
    answer = _Room(wanted.output_tokens)
    time = _Room(2**62)
    base, whole = nano(wanted.input_cost), nano(wanted.output_cost)
    if wanted.output_tokens == 0:
        base, whole = base + whole, 0
    for line, balance in lines:
        short = (
            _tokens(line, balance, wanted, answer)
            or _cost(line, balance, wanted, answer, base=base, whole=whole)
            or _time(line, balance, time)
        )
        if short is not None:
            return short
    output = answer.most
    timed = time.line is not None
    cost = base + (whole if output == wanted.output_tokens else _part(whole, output, wanted))
    return Held(
        Amounts(wanted.input_tokens + output, cost, 0, time.most if timed else 0),
        output if output < wanted.output_tokens or not wanted.bounded else None,
        time.most / MICRO if timed else None,
        answer.line or time.line,
    )


def _tokens(line: Line, balance: Balance, wanted: Estimate, answer: _Room) -> Short | None:
    size = wanted.input_tokens + wanted.output_tokens
    if line.tokens is None or size == 0:
        return None
    left = line.tokens - balance.spent.tokens
    room = left - balance.held.tokens
    fair = max(room // _SHARE, wanted.input_tokens + _FAIR_ANSWER)
    granted = min(room, fair) - wanted.input_tokens
    least = min(_LEAST_ANSWER, wanted.output_tokens)
    if granted < least:
        return Short(line, "tokens", waits=left - wanted.input_tokens >= least)
    answer.narrow(granted, line)
    return None


def _cost(
    line: Line, balance: Balance, wanted: Estimate, answer: _Room, *, base: int, whole: int
) -> Short | None:
    if line.nano_dollars is None or base + whole == 0:
        return None
    left = line.nano_dollars - balance.spent.nano_dollars
    room = left - balance.held.nano_dollars
    fair = max(room // _SHARE, base + _part(whole, _FAIR_ANSWER, wanted))
    most = min(room, fair)
    least = base + _part(whole, min(_LEAST_ANSWER, wanted.output_tokens), wanted)
    if most < least:
        return Short(line, "cost", waits=left >= least)
    if whole and most < base + whole:
        answer.narrow((most - base) * wanted.output_tokens // whole, line)
    return None


def _time(line: Line, balance: Balance, time: _Room) -> Short | None:
    if line.microseconds is None:
        return None
    left = line.microseconds - balance.spent.microseconds
    room = left - balance.held.microseconds
    if room <= 0:
        return Short(line, "seconds", waits=left > 0)
    time.narrow(min(room, max(room // _SHARE_OF_TIME, _FAIR_TIME)), line)
    return None


def _part(whole: int, tokens: int, wanted: Estimate) -> int:
    """What so many tokens of the answer cost, rounded up."""
    return -(-whole * tokens // wanted.output_tokens) if wanted.output_tokens else 0


def nano(cost: Decimal | None) -> int:
    """US dollars in billionths, rounded up; an unknown cost is none that could be counted."""
    return 0 if cost is None else int((cost * NANO).to_integral_value(ROUND_CEILING))
