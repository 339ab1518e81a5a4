"""The ports for a program that has no server: memory only, no budget, nothing forbidden.

Used by `Agent.run` when nobody hands it a host, and by tests. It must never touch the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from muxi.core.errors import SecretMissing
from muxi.core.events import Event
from muxi.core.messages import Message, ToolCallPart
from muxi.core.ports import Context, Estimate, Host, Reservation, Verdict
from muxi.core.requests import ToolSpec
from muxi.core.steps import Step
from muxi.core.usage import Usage


class MemoryJournal:
    """Keeps one run's messages and steps in memory, so that a waiting run can be continued."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.steps: dict[str, Step] = {}

    async def run_messages(self, ctx: Context) -> Sequence[Message]:
        return list(self.messages)

    async def find_step(self, ctx: Context, key: str) -> Step | None:
        return self.steps.get(key)

    async def open_step(self, ctx: Context, step: Step) -> Step:
        known = self.steps.get(step.key)
        if known is not None and (known.state == "done" or step.attempt <= known.attempt):
            return known
        step.number = len(self.steps) + 1 if known is None else known.number
        self.steps[step.key] = step
        return step

    def close_step(self, ctx: Context, step: Step) -> None:
        self.steps[step.key] = step

    def append(self, ctx: Context, message: Message) -> None:
        self.messages.append(message)

    def record(self, ctx: Context, event: Event, text: str | None = None) -> None:
        """Events of a run without a server live only in its stream."""

    async def flush(self, ctx: Context) -> None:
        """Nothing to wait for."""


class OpenLedger:
    """No budgets beyond the limits of the run itself."""

    async def reserve(self, ctx: Context, estimate: Callable[[], Estimate]) -> Reservation:
        return UNRESERVED

    async def settle(self, ctx: Context, reservation: Reservation, actual: Usage) -> None:
        """Nothing was reserved."""


UNRESERVED: Final = Reservation()
"""What is reserved where nothing is bounded."""


class SpecPolicy:
    """Asks for what the tool itself marks as needing approval, and allows the rest."""

    async def decide(self, ctx: Context, call: ToolCallPart, spec: ToolSpec) -> Verdict:
        if spec.approval:
            return Verdict("ask", f"{spec.name} needs approval before each call.")
        return _ALLOW


_ALLOW = Verdict("allow")


class EnvironmentCredentials:
    """Secrets from environment variables of the same name."""

    async def secret(self, ctx: Context, name: str) -> str:
        value = os.environ.get(name)
        if value is None:
            raise SecretMissing(f"The secret {name} is not set.", name=name)
        return value


def alone() -> Host:
    """A fresh host for one run in a script."""
    return Host(
        journal=MemoryJournal(),
        ledger=OpenLedger(),
        policy=SpecPolicy(),
        credentials=EnvironmentCredentials(),
    )
