"""What all models behind an endpoint share: name, profile, counting, and the driving of a stream.

`responses`, `anthropic` and `gemini` say what differs: the path, the body and the decoder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar

from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.messages import Message
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Endpoint
from muxi.models.model import ModelProfile
from muxi.models.tokens import TokenEstimate
from muxi.wire.decoder import Decoder


class HostedModel(ABC):
    """One model behind one endpoint.

    Args:
        name: `provider/model`.
        endpoint: Where the provider listens.
        profile: What is known of the model.
        model: The provider's own name of it, when it is not the second half of `name`.
    """

    path: str
    """Appended to the endpoint's base URL."""
    headers: Mapping[str, str] | None = None
    """Headers that the format itself demands."""
    media: ClassVar[tuple[str, ...]]
    """Media types that the format has a place for."""
    largest_image: ClassVar[int | None] = None
    """Bytes of a picture that is not refused."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        profile: ModelProfile | None = None,
        *,
        model: str | None = None,
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._profile = replace(
            profile or ModelProfile(), media=self.media, largest_image=self.largest_image
        )
        self.provider, _, own = name.partition("/")
        self.model = model or own
        self._tokens = TokenEstimate()

    @property
    def name(self) -> str:
        return self._name

    @property
    def profile(self) -> ModelProfile:
        return self._profile

    @abstractmethod
    def encode(self, request: ModelRequest) -> bytes:
        """`request` as a body of this format."""

    @abstractmethod
    def decoder(self) -> Decoder:
        """Fresh state for one answer."""

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `muxi.models.model.Model`."""
        stream = self._endpoint.stream(
            self.path,
            self.encode(request),
            self.decoder(),
            model=self._name,
            headers=self.headers,
            idle=request.settings.timeout,
        )
        async with aclosing(stream) as events:
            async for event in events:
                if type(event) is ResponseCompleted:
                    self._tokens.settle(request, event, self._profile.price)
                yield event

    def count(self, message: Message) -> int:
        return self._tokens.count(message)

    def count_text(self, text: str) -> int:
        return self._tokens.count_text(text)

    async def close(self) -> None:
        await self._endpoint.close()
