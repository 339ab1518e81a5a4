"""The base of models that stand before another model and change one thing about it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from muxi.core.events import ModelEvent
from muxi.core.messages import Message
from muxi.core.requests import ModelRequest
from muxi.models.model import Model, ModelProfile


class ModelWrapper:
    """Passes everything on. A wrapper overrides `stream` and closes what it opens there: closing
    its generator must close the inner one at once.
    """

    def __init__(self, inner: Model) -> None:
        self.inner = inner

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def profile(self) -> ModelProfile:
        return self.inner.profile

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `muxi.models.model.Model`."""
        return self.inner.stream(request)

    def count(self, *messages: Message) -> int:
        return self.inner.count(*messages)

    def count_text(self, text: str) -> int:
        return self.inner.count_text(text)

    async def close(self) -> None:
        await self.inner.close()
