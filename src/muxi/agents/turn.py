"""One turn: the model is asked once, and its answer becomes a message. Called by `run`.

It streams what the model streams. An answer that breaks off is kept as a partial message, so that
what readers saw and what the thread holds are the same.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

from muxi.agents.limits import Allowance, reached
from muxi.core.errors import LimitReached, ModelProtocolError, MuxiError
from muxi.core.events import (
    Event,
    MessageStarted,
    ModelEvent,
    ReasoningDelta,
    ResponseCompleted,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
)
from muxi.core.growing import GrowingText
from muxi.core.ids import new_id
from muxi.core.messages import AnyPart, Message, ReasoningPart, TextPart, ToolCallPart
from muxi.core.ports import Context, Host, Reservation
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage
from muxi.models.estimate import count_prompt, estimate
from muxi.models.model import Model


@dataclass(slots=True)
class _Heard:
    """What has come of a part. Text alone: the events of a long answer would weigh much more."""

    kind: type[TextDelta | ReasoningDelta]
    text: GrowingText = field(default_factory=GrowingText)


@dataclass(slots=True, kw_only=True)
class Turn:
    """One question to a model, and after `stream` has ended, its answer."""

    model: Model
    request: ModelRequest
    allowance: Allowance
    author: str
    deadline: float | None = None
    show: bool = True
    """Whether deltas go out at once; otherwise the text is held back for a guardrail."""
    client: frozenset[str] = frozenset()
    """Tools of the run's client, which knows its calls by their ids in every thread at once."""
    message: Message | None = None
    _ids: dict[str, str] = field(default_factory=dict[str, str])
    _id: str = field(default_factory=lambda: new_id("msg"))
    _out_of_time: LimitReached | None = None
    """What to raise at the deadline, if it is a budget's."""
    _cut: LimitReached | None = None
    """What to raise if the answer has as many tokens as a budget granted."""
    _heard: dict[int, _Heard] = field(default_factory=dict[int, "_Heard"])
    """What has come so far, by the index of its part."""

    async def stream(self, ctx: Context, host: Host) -> AsyncGenerator[Event]:
        """The events of the turn; the message is not yet part of the thread when they end.

        Raises:
            ModelError: The model could not answer; a partial message is left in `message`.
            LimitReached: The run's time was over; likewise.
        """
        reservation = await self._reserve(ctx, host)
        used: Usage | None = None
        name = self.model.name
        try:
            begun = not self.show
            async with aclosing(self.model.stream(self.request)) as events:
                async for event in events if self.deadline is None else self._timed(events):
                    kind = type(event)
                    if kind is TextDelta or kind is ReasoningDelta:
                        self._hear(event)  # pyright: ignore[reportArgumentType] -- `kind` tells its type, faster than isinstance
                    elif kind is ResponseCompleted:
                        used = self._complete(event, ctx)  # pyright: ignore[reportArgumentType] -- `kind` tells its type, faster than isinstance
                        continue
                    elif self.client:
                        self._rename(event)
                    if not begun:
                        # Not before the model has begun: a call that fails starts no message.
                        begun = True
                        yield self.opening()
                    if self.show:
                        yield event
            if self.message is None:
                raise ModelProtocolError(f"{name} ended its stream without an answer.", model=name)
        except (MuxiError, asyncio.CancelledError):
            self.message = self.message or self._partial()
            raise
        finally:
            if used is None:
                used = self._consumed()
            ctx.usage.add(used)
            await host.ledger.settle(ctx, reservation, used)

    def _hear(self, delta: TextDelta | ReasoningDelta) -> None:
        part = self._heard.get(delta.index)
        if part is None:
            part = self._heard[delta.index] = _Heard(type(delta))
        part.text.add(delta.text)

    def opening(self) -> MessageStarted:
        """The event that announces the message."""
        return MessageStarted(message_id=self._id, author=self.author, model=self.model.name)

    def _complete(self, event: ResponseCompleted, ctx: Context) -> Usage:
        usage = event.usage
        usage.requests = usage.requests or 1
        if usage.cost is None or usage.cost == 0:
            price = self.model.profile.price
            usage.cost = None if price is None else price.cost(usage)
        self.message = Message(
            id=self._id,
            role="assistant",
            parts=_distinct([self._renamed(part) for part in event.parts]),
            author=self.author,
            thread_id=ctx.thread_id,
            run_id=ctx.run_id,
            model=event.model,
            stop_reason=event.stop_reason,
            usage=usage,
        )
        return usage

    def _rename(self, event: ModelEvent) -> None:
        """Give a call of the client an id that no other call bears: models number theirs anew."""
        if isinstance(event, ToolCallStarted) and event.name in self.client:
            fresh = self._ids[event.call_id] = new_id("call")
            event.call_id = fresh
        elif isinstance(event, ToolCallDelta):
            event.call_id = self._ids.get(event.call_id, event.call_id)

    def _renamed(self, part: AnyPart) -> AnyPart:
        if not isinstance(part, ToolCallPart) or part.name not in self.client:
            return part
        return part.model_copy(update={"id": self._ids.get(part.id) or new_id("call")})

    def _partial(self) -> Message | None:
        """What had come when the answer broke off. Unfinished tool calls are left out."""
        if not self._heard:
            return None
        parts: list[AnyPart] = [
            TextPart(text=str(part.text))
            if part.kind is TextDelta
            else ReasoningPart(text=str(part.text))
            for _, part in sorted(self._heard.items())
        ]
        return Message(
            id=self._id,
            role="assistant",
            parts=parts,
            author=self.author,
            model=self.model.name,
            status="partial",
        )

    async def _timed(self, events: AsyncIterator[ModelEvent]) -> AsyncIterator[ModelEvent]:
        assert self.deadline is not None
        loop = asyncio.get_running_loop()
        while True:
            rest = max(0.0, self.deadline - time.monotonic())
            timer = asyncio.timeout_at(loop.time() + rest)
            try:
                async with timer:
                    event = await anext(events)
            except StopAsyncIteration:
                return
            except TimeoutError:
                if not timer.expired():
                    raise
                raise self._out_of_time or reached("seconds") from None
            yield event

    async def _reserve(self, ctx: Context, host: Host) -> Reservation:
        """Set aside what the call may consume, and keep the call within it."""
        reserved = await host.ledger.reserve(ctx, lambda: estimate(self.model, self.request))
        if reserved.seconds is not None:
            end = time.monotonic() + reserved.seconds
            if self.deadline is None or end < self.deadline:
                self.deadline, self._out_of_time = end, reserved.exceeded
        if reserved.output_tokens is not None:
            settings = self.request.settings
            bound = min(reserved.output_tokens, settings.max_tokens or reserved.output_tokens)
            self.request.settings = settings.model_copy(update={"max_tokens": bound})
            self._cut = reserved.exceeded
        return reserved

    def _consumed(self) -> Usage:
        """What a call has consumed that broke off: nothing that anybody reported."""
        if not self._heard:
            # It may never have reached the model.
            return Usage(requests=1)
        model, price = self.model, self.model.profile.price
        usage = Usage(requests=1, input_tokens=count_prompt(model, self.request))
        usage.output_tokens = model.count_text(
            "".join(str(part.text) for part in self._heard.values())
        )
        usage.cost = None if price is None else price.cost(usage)
        return usage

    @property
    def cut(self) -> LimitReached | None:
        """What to raise for an answer that a limit or a budget has shortened."""
        if self.message is None or self.message.stop_reason != "length":
            return None
        if self._cut is not None:
            return self._cut
        return None if self.allowance.limit is None else reached(self.allowance.limit)


def _distinct(parts: list[AnyPart]) -> list[AnyPart]:
    """`parts` with tool call ids that differ: some providers number every answer's calls alike."""
    seen: set[str] = set()
    for part in parts:
        if isinstance(part, ToolCallPart):
            if part.id in seen or not part.id:
                part.id = new_id("call")
            seen.add(part.id)
    return parts
