"""Which budgets bound a call, and how it is said that one of them has too little left.

Called by the ledgers and by whoever shows balances. Plain values: nothing here waits or stores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from muxi.core.budgets import Balance as ShownBalance
from muxi.core.budgets import Budget, Measure, Measures, zone
from muxi.core.errors import BudgetExceeded
from muxi.identity.granting import MICRO, NANO, Amounts, Balance, Key, Line
from muxi.identity.periods import span_of
from muxi.storage.records import now_micros

WHOLE_RUN = "run"
"""The period of a run, which is one whole."""

_RUN_IS_KEPT = 40 * 86_400 * MICRO
"""Microseconds for which the balance of a run that waits is kept."""

_SOON = 5
"""Seconds after which it is worth trying again, where others hold what is left."""

_LINES = 4_096
"""Sets of lines that are kept; they are made anew in some microseconds."""


class Rules:
    """The budgets of one tenant, from muxi.yaml and from the API."""

    def __init__(self, budgets: Mapping[str, Budget]) -> None:
        self.budgets = dict(budgets)
        self._general: dict[str, list[tuple[str, Budget]]] = {}
        for name, budget in budgets.items():
            self._general.setdefault(budget.per, []).append((name, budget))
        self._lines: dict[tuple[str, str], tuple[int, int, list[Line]]] = {}

    def lines(self, *, user: str, agent: str, run: str, now: int) -> Sequence[Line]:
        """What bounds a call of this agent for this user, in the run at the root of all."""
        if not self.budgets:
            return ()
        known = self._lines.get((user, agent))
        if known is None or not known[0] <= now < known[1]:
            known = self._make(user, agent, now)
            if len(self._lines) >= _LINES:
                self._lines.clear()
            self._lines[user, agent] = known
        of_runs = self._general.get("run")
        if not of_runs:
            return known[2]
        key = Key(f"run:{run}", WHOLE_RUN, 0)
        return [
            *known[2],
            *(Line.of(name, budget, key, now + _RUN_IS_KEPT) for name, budget in of_runs),
        ]

    def _make(self, user: str, agent: str, now: int) -> tuple[int, int, list[Line]]:
        found = [("tenant", each) for each in self._general.get("tenant", ())]
        for kind, name in (("user", user), ("agent", agent)):
            subject = f"{kind}:{name}"
            own = self._general.get(subject, [])
            taken = {budget.every for _, budget in own}
            general = [each for each in self._general.get(kind, ()) if each[1].every not in taken]
            found += [(subject, each) for each in (*own, *general)]
        lines = [_line(name, budget, subject, now) for subject, (name, budget) in found]
        starts = max((line.key.starts_at for line in lines), default=0)
        return starts, min((line.ends_at for line in lines), default=2**62), lines

    def of_key(self, key: Key) -> list[Line]:
        """The budgets that a stored balance counts for, as they are declared now."""
        kind, _, name = key.subject.partition(":")
        named = {"user": "", "agent": "", kind: name}
        lines = self.lines(user=named["user"], agent=named["agent"], run="", now=now_micros())
        return [line for line in lines if line.key == key]


def _line(name: str, budget: Budget, subject: str, now: int) -> Line:
    assert budget.every is not None, "only a run has no periods"
    start, end = span_of(budget.every, budget.time_zone, now)
    return Line.of(name, budget, Key(subject, budget.every, start), end)


def shown(line: Line, balance: Balance) -> ShownBalance:
    """A balance as people and programs see it."""
    limit = Measures(**line.budget.model_dump(include={"tokens", "cost", "runs", "seconds"}))
    left = Amounts(
        *(
            max(0, bound - spent - held) if bound is not None else 0
            for bound, spent, held in zip(
                (line.tokens, line.nano_dollars, line.runs, line.microseconds),
                _values(balance.spent),
                _values(balance.held),
                strict=True,
            )
        )
    )
    is_run = line.key.period == WHOLE_RUN
    return ShownBalance(
        budget=line.name,
        subject=line.key.subject,
        every=line.budget.every,
        limit=limit,
        used=_measures(balance.spent, limit),
        reserved=_measures(balance.held, limit),
        left=_measures(left, limit),
        starts_at=None if is_run else _instant(line.key.starts_at),
        resets_at=None if is_run else _instant(line.ends_at),
    )


def exceeded(line: Line, measure: Measure, balance: Balance, *, waits: bool) -> BudgetExceeded:
    """The error of a call for which too little is left."""
    state = shown(line, balance)
    amount, limit = getattr(state.left, measure), getattr(state.limit, measure)
    words = f"The budget {line.name} has {_words(measure, amount)} left of {_words(measure, limit)}"
    words += f" for {named(line.key.subject)}"
    retry_after = None
    hint = None
    if waits:
        words += "; the rest is reserved for calls under way."
        retry_after = _SOON
        hint = "Try again when calls that are under way have ended."
    elif state.resets_at is not None:
        local = state.resets_at.astimezone(zone(line.budget.time_zone))
        words += f", and begins anew on {local:%Y-%m-%d at %H:%M} ({line.budget.time_zone})."
        retry_after = max(1, -((now_micros() - line.ends_at) // MICRO))
    else:
        words += "."
        hint = "A run does not get more: begin another one, or raise the budget."
    return BudgetExceeded(
        words,
        hint=hint,
        limit=measure,
        budget=line.name,
        subject=line.key.subject,
        left=str(amount),
        of=str(limit),
        resets_at=state.resets_at and state.resets_at.isoformat(),
        retry_after=retry_after,
    )


def named(subject: str) -> str:
    """A subject in words."""
    kind, _, name = subject.partition(":")
    return f"{kind} {name}" if name else f"the {kind}"


def _words(measure: Measure, amount: Decimal | float | None) -> str:
    if measure == "cost":
        return f"{amount:.4f}".rstrip("0").ljust(4, "0") + " US dollars"
    if measure == "seconds":
        return f"{amount:g} seconds"
    return f"{amount} {measure if amount != 1 else measure[:-1]}"


def _values(amounts: Amounts) -> tuple[int, int, int, int]:
    return amounts.tokens, amounts.nano_dollars, amounts.runs, amounts.microseconds


def _measures(amounts: Amounts, bounded: Measures) -> Measures:
    return Measures(
        tokens=None if bounded.tokens is None else amounts.tokens,
        cost=None if bounded.cost is None else Decimal(amounts.nano_dollars) / NANO,
        runs=None if bounded.runs is None else amounts.runs,
        seconds=None if bounded.seconds is None else amounts.microseconds / MICRO,
    )


def _instant(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / MICRO, UTC)
