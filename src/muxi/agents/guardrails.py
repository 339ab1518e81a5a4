"""Guardrails: checks of what goes into a run and of what comes out of it.

Input guardrails run beside the first model call, whose answer waits for them; output guardrails run
on the final text before it is given out. `run` asks this file; it must never call a model itself.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from muxi.core.context import RunContext

Side = Literal["input", "output"]


@dataclass(slots=True, frozen=True)
class Block:
    """Stop the run."""

    reason: str


@dataclass(slots=True, frozen=True)
class Rewrite:
    """Go on with another text."""

    text: str
    reason: str = ""


@dataclass(slots=True, frozen=True)
class Ask:
    """Let a person decide whether the text may pass."""

    reason: str


Finding = Block | Rewrite | Ask | None
"""What a check says of a text; None lets it pass."""

Check = Callable[..., Finding | Awaitable[Finding]]
"""`check(text)` or `check(text, ctx)`, sync or async. A sync check must be quick."""


@dataclass(slots=True, frozen=True)
class Guardrail:
    """A named check on one side of a run.

    An output guardrail holds the text back until it has passed; with `hold=False` the text streams
    at once, and a finding replaces what readers saw when the message is completed.
    """

    check: Check
    side: Side = "input"
    name: str = ""
    hold: bool = True

    @property
    def title(self) -> str:
        return self.name or getattr(self.check, "__name__", "guardrail")

    async def find(self, text: str, ctx: RunContext[Any]) -> Finding:
        takes_ctx = len(inspect.signature(self.check).parameters) > 1
        found = self.check(text, ctx) if takes_ctx else self.check(text)
        return await found if inspect.isawaitable(found) else found


@dataclass(slots=True, frozen=True)
class Tripped:
    """A guardrail that found something."""

    guardrail: Guardrail
    finding: Block | Rewrite | Ask


async def inspect_text(
    guardrails: Sequence[Guardrail], text: str, ctx: RunContext[Any]
) -> list[Tripped]:
    """What the guardrails find in `text`. All run at once; the order is that of the list."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(rail.find(text, ctx)) for rail in guardrails]
    pairs = zip(guardrails, (task.result() for task in tasks), strict=True)
    return [Tripped(rail, finding) for rail, finding in pairs if finding is not None]


def gravest(tripped: Sequence[Tripped]) -> Tripped | None:
    """The finding that decides: a block before a question, a question before a rewrite."""
    order = (Block, Ask, Rewrite)
    return min(tripped, key=lambda trip: order.index(type(trip.finding)), default=None)
