"""Checks a run's limits before each model call and tool call. Called by `run` and `turn`.

A limit stops the run before it is exceeded, so the most that the next call may consume is worked
out first, and the model is told how long its answer may be.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from muxi.core.context import RunContext
from muxi.core.errors import LimitReached
from muxi.core.usage import Limits, Usage
from muxi.models.estimate import cost_of
from muxi.models.model import ModelProfile, Price


@dataclass(slots=True, frozen=True)
class Allowance:
    """What the next model call may consume."""

    max_tokens: int | None
    """Output tokens, or None for no bound from limits."""
    limit: str | None = None
    """Name of the limit that bounds the answer."""


UNBOUNDED = Allowance(None)


def check_tool_calls(ctx: RunContext[object], wanted: int) -> int:
    """How many of `wanted` tool calls may be made."""
    bound = ctx.limits.tool_calls
    return wanted if bound is None else max(0, min(wanted, bound - ctx.usage.tool_calls))


def deadline_of(limits: Limits, started: float) -> float | None:
    """The moment, by `time.monotonic`, at which the run must end."""
    return None if limits.seconds is None else started + limits.seconds


def check_time(deadline: float | None) -> None:
    if deadline is not None and time.monotonic() >= deadline:
        raise reached("seconds")


def allowance(
    ctx: RunContext[object], profile: ModelProfile, prompt_tokens: Callable[[], int]
) -> Allowance:
    """What the next model call may consume; `prompt_tokens` is called only if a limit needs it.

    Raises:
        LimitReached: Even the shortest call would exceed a limit.
    """
    limits, used = ctx.limits, ctx.usage
    if limits.turns is not None and used.requests >= limits.turns:
        raise reached("turns")
    bounded = (limits.input_tokens, limits.output_tokens, limits.total_tokens, limits.cost)
    if bounded == (None, None, None, None):
        return UNBOUNDED
    prompt = prompt_tokens()
    if limits.input_tokens is not None and used.input_tokens + prompt > limits.input_tokens:
        raise reached("input_tokens")
    rooms: list[tuple[int, str]] = []
    if limits.output_tokens is not None:
        rooms.append((limits.output_tokens - used.output_tokens, "output_tokens"))
    if limits.total_tokens is not None:
        rooms.append((limits.total_tokens - used.total_tokens - prompt, "total_tokens"))
    if limits.cost is not None:
        rooms.append((_affordable(limits.cost, used, profile.price, prompt), "cost"))
    if not rooms:
        return UNBOUNDED
    room, limit = min(rooms)
    if room < 1:
        raise reached(limit)
    return Allowance(room, limit)


def _affordable(limit: Decimal, used: Usage, price: Price | None, prompt: int) -> int:
    """Output tokens that the rest of the money pays for, after a prompt at its full price."""
    costs = cost_of(price, prompt, 1_000_000)
    if costs is None or used.cost is None:
        raise reached("cost")
    for_prompt, for_million = costs
    rest = limit - used.cost - for_prompt
    if rest < 0:
        return 0
    return 10**9 if for_million == 0 else int(rest * 1_000_000 / for_million)


def reached(limit: str) -> LimitReached:
    """The error that names `limit`."""
    return LimitReached(f"The run reached its limit of {limit.replace('_', ' ')}.", limit=limit)
