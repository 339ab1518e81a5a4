"""Bound how many calls of a model are under way at once. Put around a model by `runtime`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from weakref import WeakKeyDictionary

from muxi.core.errors import ConfigError
from muxi.core.events import ModelEvent
from muxi.core.requests import ModelRequest
from muxi.models.model import Model
from muxi.models.wrapper import ModelWrapper


class LimitedModel(ModelWrapper):
    """At most `limit` calls at once, an event loop; who came first goes first."""

    def __init__(self, inner: Model, limit: int) -> None:
        if limit < 1:
            raise ConfigError(f"A model's concurrency must be at least 1, not {limit}.")
        super().__init__(inner)
        self.limit = limit
        # A semaphore belongs to the loop in which it was first waited for.
        self._slots: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
            WeakKeyDictionary()
        )

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        loop = asyncio.get_running_loop()
        slots = self._slots.get(loop)
        if slots is None:
            slots = self._slots[loop] = asyncio.Semaphore(self.limit)
        async with slots, aclosing(self.inner.stream(request)) as events:
            async for event in events:
                yield event
