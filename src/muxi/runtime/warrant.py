"""What a run may do: what whoever began it may, by the rules that are in force at each moment.

Made by `runs` for every attempt, so also where another process goes on with the run. It must never
ask who looks at the run: they have no part in what it does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from muxi.config.tool_settings import BUILTIN_FUNCTIONS
from muxi.core.caller import Caller
from muxi.core.messages import ToolCallPart
from muxi.core.policies import Decision
from muxi.core.ports import Context, Policy, Verdict
from muxi.core.requests import ToolSpec
from muxi.runtime.guard import Guard

_OF_ROOMS: Final = {
    "remember": "memories.write",
    "recall": "memories.read",
    "forget": "memories.delete",
    "set_fact": "facts.write",
    "search_knowledge": "knowledge.read",
}
"""What the tools of memory and knowledge do, beside being called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """By what right a run works."""

    guard: Guard
    caller: Caller
    agent: str

    def may(self, action: str, resource: str | None = None) -> bool:
        """Whether the run may do this, by the rules that were last looked at."""
        return self.guard.judge(self.caller, action, resource, agent=self.agent).allowed

    def readable(self, action: str, owners: Sequence[str]) -> list[str]:
        """Those of `owners` whose memory the run may be told of by `action`."""
        return [each for each in owners if self.may(action, each)]

    async def decide(self, action: str, resource: str | None = None) -> Decision:
        """Whether the run may do this, by the rules as they are now."""
        return await self.guard.decide(self.caller, action, resource, agent=self.agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarrantPolicy:
    """Implements `core.ports.Policy`: what the run may not is refused before anybody is asked."""

    warrant: Warrant
    owners: Sequence[str]
    """Whose memory its agent works with."""
    inner: Policy

    async def decide(self, ctx: Context, call: ToolCallPart, spec: ToolSpec) -> Verdict:
        """See `core.ports.Policy`."""
        refused = await self._refusal(spec.name)
        if refused is not None:
            warrant = self.warrant
            await warrant.guard.audit.refused(
                warrant.caller, refused.action, refused.resource, run_id=ctx.run_id, tool=spec.name
            )
            return Verdict("deny", refused.reason)
        return await self.inner.decide(ctx, call, spec)

    async def _refusal(self, tool: str) -> Decision | None:
        kind = BUILTIN_FUNCTIONS.get(tool)
        names = dict.fromkeys([tool, kind or tool])
        used = [await self.warrant.decide("tools.use", name) for name in names]
        # What brings a tool stands for it: either may be allowed, and neither may be refused.
        barred = [each for each in used if not each.allowed and each.because]
        if barred or not any(each.allowed for each in used):
            return (barred or used)[0]
        for action, resource in self._further(tool):
            decision = await self.warrant.decide(action, resource)
            if not decision.allowed:
                return decision
        return None

    def _further(self, tool: str) -> Iterator[tuple[str, str | None]]:
        action = _OF_ROOMS.get(tool)
        if action == "knowledge.read":
            yield action, None
        elif action is not None:
            # The first is written and forgotten from; all of them are looked into.
            for owner in self.owners if action == "memories.read" else self.owners[:1]:
                yield action, owner
