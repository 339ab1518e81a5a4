"""People who answer while a tool waits in the middle of its call. Used by `runs` and `approvals`.

It must never hold an answer itself: what counts is what the database holds.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial

from muxi.core.events import Approval, ApprovalDecision
from muxi.core.ports import Context
from muxi.core.steps import Step
from muxi.runtime.principal import Principal
from muxi.storage import steps
from muxi.storage.transaction import Database

_LOOK_AGAIN = 1.0
"""Seconds between two looks at a question, of which another process may have been told."""

EXPIRED = ApprovalDecision(decision="expired", reason="Nobody answered in time.")


@dataclass(kw_only=True)
class LivePeople:
    """Implements `core.ports.People`."""

    database: Database
    _told: dict[str, asyncio.Event] = field(default_factory=dict[str, asyncio.Event])

    def tell(self, approval_id: str) -> None:
        """This question has been answered in this process."""
        if approval_id in self._told:
            self._told[approval_id].set()

    async def decision(self, ctx: Context, step: Step) -> ApprovalDecision:
        """What a person says to a stored question. Another process may have been told."""
        approval = approval_of(step)
        told = self._told[approval.id] = asyncio.Event()
        look = partial(steps.get, run_id=step.run_id, key=step.key)
        try:
            while True:
                stored = await self.database.read(Principal(ctx.tenant, None), look, tiny=True)
                if stored is None:
                    return EXPIRED
                if stored.state == "done":
                    return ApprovalDecision.model_validate(stored.result)
                try:
                    async with asyncio.timeout(_LOOK_AGAIN):
                        await told.wait()
                except TimeoutError:
                    continue
        finally:
            del self._told[approval.id]


def approval_of(step: Step) -> Approval:
    """The question that a step has stored."""
    return Approval.model_validate((step.result or {})["approval"])
