"""What an agent shows its model at the start of a run: instructions, what sources give, tools.

Called by `run` once a run. It must never store anything.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from muxi.core.events import Event
from muxi.core.messages import Message, TextPart, ToolCallPart, ToolResultPart
from muxi.core.ports import Context, ContextBlock, ContextQuery, ContextSource
from muxi.core.requests import ToolSpec
from muxi.models.model import Model

Instructions = str | Callable[..., str | Awaitable[str]]
"""Text, or `function(ctx)` that gives it, sync or async."""

_UNKNOWN_CONTEXT = 32_000
"""Tokens assumed for a model of which nothing is known: what current hosted models all offer."""
_SHARE_FOR_ANSWER = 4
"""A quarter of the context is kept for the answer when nothing else bounds it."""


@dataclass(slots=True)
class Prompt:
    """The fixed part of every request of a run."""

    instructions: str
    earlier: list[Message]
    events: Sequence[Event]


@dataclass(slots=True, frozen=True)
class Earlier:
    """A context source that gives messages which the caller holds, newest first to be kept."""

    messages: Sequence[Message]

    async def gather(self, ctx: Context, query: ContextQuery) -> ContextBlock:
        kept: list[Message] = []
        room = query.budget
        for message in reversed(self.messages):
            room -= query.count(message)
            if room < 0:
                break
            kept.append(message)
        kept.reverse()
        while kept and kept[0].role == "tool":
            # Its call was cut off, and no provider takes a result without a call.
            del kept[0]
        return ContextBlock(messages=kept)


@dataclass(slots=True, kw_only=True)
class Budget:
    """How much of the context earlier messages may fill."""

    model: Model
    answer_tokens: int | None
    history_tokens: int | None

    def room(self, fixed: str, specs: Sequence[ToolSpec], input: Sequence[Message]) -> int:
        """Tokens that are left for sources."""
        context = self.model.profile.context_tokens or _UNKNOWN_CONTEXT
        answer = self.answer_tokens or context // _SHARE_FOR_ANSWER
        used = self.model.count_text(fixed) + self.model.count(*input)
        used += sum(self.model.count_text(spec.text) for spec in specs)
        room = max(0, context - answer - used)
        return room if self.history_tokens is None else min(room, self.history_tokens)


async def assemble(
    instructions: str,
    sources: Sequence[ContextSource],
    ctx: Context,
    *,
    query: ContextQuery,
) -> Prompt:
    """Ask the sources in their order; what one has used is not offered to the next."""
    texts = [instructions] if instructions else []
    earlier: list[Message] = []
    events: list[Event] = []
    for source in sources:
        block = await source.gather(ctx, query)
        if block.instructions:
            texts.append(block.instructions)
        earlier.extend(block.messages)
        events.extend(block.events)
        counted = block.tokens
        query.budget -= query.count(*block.messages) if counted is None else counted
        if block.instructions:
            told = Message(role="system", parts=[TextPart(text=block.instructions)])
            query.budget -= query.count(told)
    # What begins a run may be the results of calls that were made before it.
    said = set(map(id, query.input))
    whole = [each for each in answered([*earlier, *query.input]) if id(each) not in said]
    return Prompt("\n\n".join(texts), whole, events)


async def resolve(instructions: Instructions, ctx: Context) -> str:
    """The text of `instructions` for this run."""
    if isinstance(instructions, str):
        return instructions
    text = instructions(ctx)
    return await text if inspect.isawaitable(text) else text


def answered(messages: list[Message]) -> list[Message]:
    """`messages` with a result for every tool call: providers refuse calls that have none.

    A call stays unanswered when its run was cancelled or died and was not continued.
    """
    if not any(type(part) is ToolCallPart for message in messages for part in message.parts):
        return messages
    whole: list[Message] = []
    open_calls: list[ToolCallPart] = []
    for message in messages:
        if open_calls and message.role != "tool":
            whole.append(cancelled_results(open_calls))
            open_calls = []
        whole.append(message)
        if message.role == "assistant":
            open_calls = message.tool_calls
        elif message.role == "tool":
            done = {part.call_id for part in message.parts if isinstance(part, ToolResultPart)}
            open_calls = [call for call in open_calls if call.id not in done]
    if open_calls:
        whole.append(cancelled_results(open_calls))
    return whole


def cancelled_results(
    calls: Sequence[ToolCallPart], reason: str = "The call was cancelled."
) -> Message:
    """A tool message that says of each call that it was not made."""
    return Message(
        role="tool",
        parts=[
            ToolResultPart(
                call_id=call.id,
                name=call.name,
                content=[TextPart(text=reason)],
                outcome="cancelled",
            )
            for call in calls
        ],
    )
