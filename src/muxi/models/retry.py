"""Ask again when a provider failed in a way that may pass. Put around a model by `resolve`."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from muxi.core.errors import ModelError
from muxi.core.events import ModelEvent, ModelRetried
from muxi.core.problems import problem_of
from muxi.core.requests import ModelRequest
from muxi.models.model import Model
from muxi.models.wrapper import ModelWrapper


@dataclass(slots=True, frozen=True, kw_only=True)
class Backoff:
    """How often and how patiently."""

    attempts: int = 3
    """Attempts in all, the first one included."""
    delay: float = 0.5
    """Seconds before the second attempt; doubled for each further one."""
    max_delay: float = 30.0
    """Longest wait in seconds. A provider that asks for more is not asked again."""

    def wait(self, attempt: int, error: ModelError) -> float | None:
        """Seconds to wait after the failed `attempt`, counted from 1; None to give up."""
        if attempt >= self.attempts or not error.retryable:
            return None
        asked = error.details.get("retry_after")
        if isinstance(asked, int | float):
            return float(asked) if asked <= self.max_delay else None
        longest = min(self.max_delay, self.delay * 2 ** (attempt - 1))
        # A random half keeps many callers that failed together from coming back together.
        return longest * random.uniform(0.5, 1.0)


class RetryingModel(ModelWrapper):
    """Asks again before the first delta only: what a reader has seen is never said twice."""

    def __init__(self, inner: Model, backoff: Backoff | None = None) -> None:
        super().__init__(inner)
        self.backoff = backoff or Backoff()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        attempt = 0
        while True:
            attempt += 1
            begun = False
            try:
                async with aclosing(self.inner.stream(request)) as events:
                    async for event in events:
                        begun = begun or type(event) is not ModelRetried
                        yield event
                return
            except ModelError as error:
                delay = None if begun else self.backoff.wait(attempt, error)
                if delay is None:
                    error.details.setdefault("attempts", attempt)
                    raise
                problem = problem_of(error)
            yield ModelRetried(model=self.name, attempt=attempt, delay=delay, problem=problem)
            await asyncio.sleep(delay)
