"""Keep within a provider's requests and tokens a minute. Put around a model by `runtime`.

Libraries for this, such as aiolimiter, cannot take back what was asked for too much; a model's
tokens are known only after its answer.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from muxi.core.errors import ConfigError
from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.requests import ModelRequest
from muxi.models.model import Model
from muxi.models.wrapper import ModelWrapper


class Bucket:
    """So much a minute, of which a minute's worth may be taken at once.

    Who takes more than there is waits until it has come in; those after wait behind.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        if per_minute <= 0:
            raise ConfigError(f"A rate must be greater than 0, not {per_minute}.")
        self._size = per_minute
        self._level = per_minute
        self._clock = clock
        self._at = clock()

    def take(self, amount: float) -> float:
        """Take `amount`, on credit if need be.

        Returns:
            Seconds to wait until it is paid for.
        """
        self._fill()
        self._level -= amount
        return max(0.0, -self._level * 60 / self._size)

    def give(self, amount: float) -> None:
        """Put back what was taken and not used; a negative amount takes what was used beyond."""
        self._fill()
        self._level = min(self._size, self._level + amount)

    def _fill(self) -> None:
        now = self._clock()
        self._level = min(self._size, self._level + (now - self._at) * self._size / 60)
        self._at = now


class RatedModel(ModelWrapper):
    """At most so many requests and tokens a minute; either may be None for no bound."""

    def __init__(
        self,
        inner: Model,
        *,
        requests: float | None = None,
        tokens: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._requests = None if requests is None else Bucket(requests, clock)
        self._tokens = None if tokens is None else Bucket(tokens, clock)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        tokens = self._expected(request) if self._tokens else 0
        await self._enter(tokens)
        used = tokens
        try:
            async with aclosing(self.inner.stream(request)) as events:
                async for event in events:
                    if type(event) is ResponseCompleted:
                        used = event.usage.total_tokens
                    yield event
        finally:
            if self._tokens is not None:
                self._tokens.give(tokens - used)

    async def _enter(self, tokens: float) -> None:
        taken: list[tuple[Bucket, float]] = []
        wait = 0.0
        for bucket, amount in ((self._requests, 1.0), (self._tokens, tokens)):
            if bucket is not None:
                wait = max(wait, bucket.take(amount))
                taken.append((bucket, amount))
        try:
            if wait:
                await asyncio.sleep(wait)
        except BaseException:
            # Who leaves the queue gives back its place in it.
            for bucket, amount in taken:
                bucket.give(amount)
            raise

    def _expected(self, request: ModelRequest) -> int:
        """Tokens of the prompt; those of the answer are settled when they are known."""
        prompt = self.count(*request.messages)
        return prompt + self.count_text(request.instructions)
