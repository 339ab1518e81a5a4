"""The embedded model with a stand-in for machines on which its weights cannot be had.

Made by `models`. The stand-in says so and repeats what is said, so that everything else works.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from muxi.core.errors import WeightsUnavailable
from muxi.core.events import ModelEvent
from muxi.core.requests import ModelRequest
from muxi.models import resolve
from muxi.models.fallback import FallbackModel
from muxi.models.model import Model
from muxi.models.scripted import echo_model
from muxi.models.wrapper import ModelWrapper

_REST = 60.0
"""Seconds after a vain fetch before the next one: nobody should wait for it at every message."""


class Weighty(ModelWrapper):
    """A model whose weights may be missing, which is found out at most once a minute."""

    def __init__(self, inner: Model) -> None:
        super().__init__(inner)
        self._failure: WeightsUnavailable | None = None
        self._again_at = 0.0

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `muxi.models.model.Model`."""
        if self._failure is not None and time.monotonic() < self._again_at:
            raise WeightsUnavailable(self._failure.message, **self._failure.details)
        try:
            async with aclosing(self.inner.stream(request)) as events:
                async for event in events:
                    yield event
        except WeightsUnavailable as error:
            self._failure = error
            self._again_at = time.monotonic() + _REST
            raise
        self._failure = None


def embedded(name: str) -> Model:
    """The embedded model of that name, with its stand-in."""
    return FallbackModel([Weighty(resolve.model(name)), echo_model()])
