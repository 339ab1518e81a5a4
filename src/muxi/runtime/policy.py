"""May a tool call be made? What the project's rules, tools and agents say. Made by `agents`.

The first rule that applies decides. A rule that cannot tell, such as one of an amount that is no
number, applies if it asks or denies and does not if it allows: doubt never makes a call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, cast

from muxi.agents.asking import leave_hash
from muxi.config.approval_settings import (
    AnyCondition,
    ApprovalRule,
    ApprovalSettings,
    Bounds,
    Condition,
)
from muxi.core.events import ApprovalDecision
from muxi.core.json_shapes import is_array, is_object
from muxi.core.messages import ToolCallPart
from muxi.core.ports import Context, Verdict
from muxi.core.requests import ToolSpec
from muxi.storage import steps
from muxi.storage.transaction import Database, Scope

_ALLOW = Verdict("allow")

_MATCH_SECONDS = 0.2
"""Seconds that one regular expression may take; the process does nothing else meanwhile."""

Prices = Callable[[str], Decimal | None]
"""US dollars of one call of a tool, by its name; None if nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalPolicy:
    """The rules of a project, as they hold for the calls of one agent."""

    settings: ApprovalSettings
    approve: Sequence[str] = ()
    """Tools that the agent itself wants approval for; `*` stands for anything."""
    kind: Callable[[str], str | None]
    """The built-in kind that brings a tool, by the tool's name."""
    price: Prices
    database: Database

    async def decide(self, ctx: Context, call: ToolCallPart, spec: ToolSpec) -> Verdict:
        """See `core.ports.Policy`."""
        verdict = self._by_rules(ctx, call, spec)
        if verdict.verdict == "ask" and await self._has_leave(ctx, call, spec):
            return _ALLOW
        return verdict

    def _by_rules(self, ctx: Context, call: ToolCallPart, spec: ToolSpec) -> Verdict:
        for number, rule in enumerate(self.settings.rules, 1):
            why = self._applies(rule, ctx, call, spec)
            if why is not None:
                return Verdict(rule.verdict, rule.reason or _reason(rule, number, spec, why))
        if spec.approval or any(fnmatchcase(spec.name, pattern) for pattern in self.approve):
            return Verdict("ask", f"{spec.name} needs approval before each call.")
        otherwise = self.settings.otherwise
        if otherwise == "allow":
            return _ALLOW
        words = "asks about" if otherwise == "ask" else "refuses"
        return Verdict(otherwise, f"The project {words} every call that no rule allows.")

    def _applies(
        self, rule: ApprovalRule, ctx: Context, call: ToolCallPart, spec: ToolSpec
    ) -> list[str] | None:
        """What made the rule apply beside the tool, in words; None if it does not."""
        names = [spec.name, self.kind(spec.name) or spec.name]
        if not any(_like(name, rule.tool) for name in names):
            return None
        if not (_like(ctx.agent, rule.agent) and _like(ctx.user, rule.user)):
            return None
        doubt = rule.verdict != "allow"
        why: list[str] = []
        for path, condition in rule.arguments.items():
            found = list(_found(call.arguments, path))
            held = [_holds(condition, value, doubt=doubt) for value in found]
            # One bad value among many is enough to ask; all must be good to allow.
            if not held or not (any(held) if doubt else all(held)):
                return None
            why.append(f"`{path}` {_in_words(condition)}")
        if rule.cost is not None:
            if not _within(rule.cost, self._cost(ctx, spec), doubt=doubt):
                return None
            why.append(f"the run's cost {_in_words(rule.cost)} US dollars")
        return why

    def _cost(self, ctx: Context, spec: ToolSpec) -> Decimal | None:
        spent, price = ctx.usage.cost, self.price(spec.name)
        return None if spent is None or price is None else spent + price

    async def _has_leave(self, ctx: Context, call: ToolCallPart, spec: ToolSpec) -> bool:
        """Whether this user has allowed just this call for the whole thread."""
        wanted = leave_hash(call, spec)
        read = partial(steps.answered_alike, thread_id=ctx.thread_id, input_hash=wanted)
        for step in await self.database.read(Scope(ctx.tenant, ctx.user or None), read, tiny=True):
            decision = ApprovalDecision.model_validate(step.result)
            if decision.remember and decision.decision == "approve" and decision.by == ctx.user:
                return True
        return False


def _reason(rule: ApprovalRule, number: int, spec: ToolSpec, why: Sequence[str]) -> str:
    """Why a rule without words of its own applies."""
    about = f", because {' and '.join(why)}" if why else ""
    does = "asks about" if rule.verdict == "ask" else "refuses"
    return f"Rule {number} of the project's approvals {does} this call of {spec.name}{about}."


def _like(text: str, patterns: str | Iterable[str]) -> bool:
    if isinstance(patterns, str):
        return patterns == "*" or fnmatchcase(text, patterns)
    return any(fnmatchcase(text, pattern) for pattern in patterns)


def _found(value: Any, path: str) -> Iterator[Any]:
    """The values at `path`; those of lists one by one."""
    if is_array(value):
        for item in value:
            yield from _found(item, path)
        return
    if not is_object(value):
        if path in ("", "**"):
            yield value
        return
    if path == "**":
        for item in value.values():
            yield from _found(item, path)
    elif not path:
        yield value
    elif path in value:
        yield from _found(value[path], "")
    else:
        first, _, rest = path.partition(".")
        if rest and first in value:
            yield from _found(value[first], rest)


def _holds(condition: AnyCondition, value: Any, *, doubt: bool) -> bool:
    if isinstance(condition, list):
        return any(_holds(each, value, doubt=doubt) for each in condition)
    if isinstance(condition, str):
        return _like(_text(value), condition)
    if isinstance(condition, bool | int | float):
        return bool(value == condition) and isinstance(value, bool) == isinstance(condition, bool)
    if condition.like is not None and not _like(_text(value), condition.like):
        return False
    if condition.matches is not None:
        matched = _matches(condition.matches, _text(value))
        if not (doubt if matched is None else matched):
            return False
    bounds = (condition.above, condition.below)
    return bounds == (None, None) or _within(condition, _number(value), doubt=doubt)


def _matches(pattern: str, text: str) -> bool | None:
    """Whether the whole text, which a model wrote, matches; None if that takes too long."""
    # Not `re`, which nothing can interrupt.
    import regex

    try:
        return regex.fullmatch(pattern, text, regex.DOTALL, timeout=_MATCH_SECONDS) is not None
    except TimeoutError:
        return None


def _within(bounds: Bounds | Condition, value: Decimal | None, *, doubt: bool) -> bool:
    if value is None:
        return doubt
    above = bounds.above is None or value > Decimal(str(bounds.above))
    return above and (bounds.below is None or value < Decimal(str(bounds.below)))


def _text(value: Any) -> str:
    """A value as patterns see it: what is no text as its JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _number(value: Any) -> Decimal | None:
    """A number, also if it is written as text, as some tools take them."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value).strip()[:100])
    except (ArithmeticError, ValueError):
        return None
    return number if number.is_finite() else None


def _in_words(condition: AnyCondition | Bounds) -> str:
    if isinstance(condition, Bounds | Condition):
        given = condition.model_dump(exclude_none=True)
        words = {"above": "is above", "below": "is below", "like": "is like", "matches": "matches"}
        return " and ".join(f"{words[name]} {_shown(value)}" for name, value in given.items())
    return f"is {'like ' if isinstance(condition, str | list) else ''}{_shown(condition)}"


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return " or ".join(str(each) for each in cast("list[Any]", value))
    return f"{value:g}" if isinstance(value, float) else str(value)
