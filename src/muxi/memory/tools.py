"""Memory as tools: an agent that may puts down, looks up and forgets by itself.

Made by `runtime` for agents whose settings allow it. Each call works in the name of the run's user,
on the memory that the agent's policy names, and on no other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import JsonValue

from muxi.core.context import RunContext
from muxi.core.errors import InvalidInput, NotFound
from muxi.core.forgetting import Forget
from muxi.core.memories import Memory, MemoryPolicy
from muxi.core.record import now
from muxi.memory.facts import Telling
from muxi.memory.parts import Parts
from muxi.memory.policy import owners_of
from muxi.memory.recall import line_of
from muxi.storage import runs
from muxi.storage.transaction import Scope
from muxi.tools.function import tool
from muxi.tools.function_toolset import FunctionToolset

VERSION = "1.0.0"
"""Of the tools: raised as `muxi tool check` asks for when their parameters change."""
_OURS: dict[str, Any] = {"open_world": False, "version": VERSION}
_SURE: dict[str, Any] = {**_OURS, "idempotent": True}

_MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryTools:
    """What the tools of one agent work with."""

    parts: Parts
    policy: MemoryPolicy

    async def remember(self, ctx: RunContext[Any], text: str) -> str:
        """Store a note."""
        who, owners = self._scope(ctx)
        note = Memory(
            owner=owners[0],
            kind="note",
            text=text,
            said_at=now(),
            thread_id=ctx.thread_id,
            run_id=ctx.run_id,
            agent=ctx.agent,
            source="tool",
        )
        stored = await self.parts.memories.put_down(who, note)
        return f"Remembered as {stored.id}."

    async def recall(self, ctx: RunContext[Any], query: str, limit: int) -> str:
        """Search, and give memories with their ids."""
        who, owners = self._scope(ctx)
        found = await self.parts.finder.find(
            who, owners, query, limit=max(1, min(limit, _MOST)), you=ctx.agent
        )
        lines = [f"{line_of(item.memory)} [{item.memory.id}]" for item in found.items]
        note = [] if found.note is None else [found.note]
        return "\n".join([*lines, *note]) or "Nothing is remembered of that."

    async def forget_memory(self, ctx: RunContext[Any], memory_id: str) -> str:
        """Forget for good."""
        who, owners = self._scope(ctx)
        await self.parts.forgetting.forget(who, owners[0], Forget(memories=[memory_id]))
        return f"Forgotten: {memory_id}."

    async def set_fact(self, ctx: RunContext[Any], path: str, value: JsonValue) -> str:
        """Let a fact hold from now on."""
        who, owners = self._scope(ctx)
        telling = Telling(source="tool", source_message_id=await self._said_in(who, ctx))
        changed = await self.parts.facts.put(who, owners[0], path, value, telling=telling)
        return f"Noted: {changed.added} new, {changed.confirmed} confirmed, {changed.ended} ended."

    async def _said_in(self, who: Scope, ctx: RunContext[Any]) -> str | None:
        """The message that the run answers, if the run is stored: it is why something is known."""
        try:
            read = partial(runs.get, run_id=ctx.run_id)
            return (await self.parts.database.read(who, read, tiny=True)).input_id
        except NotFound:
            return None

    def _scope(self, ctx: RunContext[Any]) -> tuple[Scope, list[str]]:
        owners = owners_of(self.policy, user=ctx.user or None, agent=ctx.agent)
        if not owners:
            raise InvalidInput("Nobody is there whose memory this would be.")
        return Scope(ctx.tenant, ctx.user or None), owners


def memory_toolset(tools: MemoryTools) -> FunctionToolset:
    """`remember`, `recall`, `forget` and `set_fact` as one toolset."""

    @tool(title="Remember", read_only=False, destructive=False, timeout=20, **_OURS)
    async def remember(ctx: RunContext[Any], text: str) -> str:
        """Put something down so that it can be recalled in later conversations.

        Args:
            text: What to remember, as a sentence that makes sense by itself.
        """
        return await tools.remember(ctx, text)

    @tool(title="Recall", read_only=True, destructive=False, timeout=20, **_SURE)
    async def recall(ctx: RunContext[Any], query: str, limit: int = 10) -> str:
        """Look for what was said in earlier conversations or put down.

        Args:
            query: What to look for, as a question.
            limit: The most memories.
        """
        return await tools.recall(ctx, query, limit)

    @tool(title="Forget", read_only=False, destructive=True, timeout=60, **_SURE)
    async def forget(ctx: RunContext[Any], memory_id: str) -> str:
        """Forget one memory for good, because the user asks for it.

        Args:
            memory_id: Its id, as `recall` gives it: `mem_...`.
        """
        return await tools.forget_memory(ctx, memory_id)

    @tool(title="Note a fact", read_only=False, destructive=True, timeout=20, **_SURE)
    async def set_fact(ctx: RunContext[Any], path: str, value: JsonValue) -> str:
        """Note a fact about the user, in place of what held before.

        Args:
            path: What it is about, such as `location.city` or `name`.
            value: What holds now.
        """
        return await tools.set_fact(ctx, path, value)

    return FunctionToolset([remember, recall, set_fact, forget])
