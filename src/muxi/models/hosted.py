"""What all models behind an endpoint share: name, profile, counting, and the driving of a stream.

`responses`, `anthropic` and `gemini` say what differs: the path, the body and the decoder.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import ClassVar

from muxi.core.errors import ModelError
from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.keeping import FileStore
from muxi.core.messages import MediaPart, Message, Role
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Endpoint
from muxi.models.model import ModelProfile
from muxi.models.placing import Placing
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

    files: FileStore | None = None
    """Where the provider keeps files; None if it keeps none."""

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

    def by_id(self, role: Role, part: MediaPart) -> bool:
        """Whether the format can name `part` by the id under which the provider keeps it."""
        del role, part
        return False

    def headers_with_ids(self) -> Mapping[str, str] | None:
        """The headers of a request that names what the provider keeps."""
        return self.headers

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `muxi.models.model.Model`."""
        if request.may_keep and self.files is not None:
            stream = self._ask_by_ids(request, Placing(self.files, self.by_id))
        else:
            stream = self._ask(request, self.headers)
        async with aclosing(stream) as events:
            async for event in events:
                if type(event) is ResponseCompleted:
                    self._tokens.settle(request, event, self._profile.price)
                yield event

    def _ask(
        self, request: ModelRequest, headers: Mapping[str, str] | None
    ) -> AsyncGenerator[ModelEvent]:
        return self._endpoint.stream(
            self.path,
            self.encode(request),
            self.decoder(),
            model=self._name,
            headers=headers,
            idle=request.settings.timeout,
        )

    async def _ask_by_ids(
        self, request: ModelRequest, placing: Placing
    ) -> AsyncGenerator[ModelEvent]:
        """As `_ask`, and once again if the provider has forgotten what it is to keep."""
        while True:
            placed = await placing.of(request)
            begun = False
            try:
                headers = self.headers_with_ids() if placing.any else self.headers
                async with aclosing(self._ask(placed, headers)) as events:
                    async for event in events:
                        begun = True
                        yield event
                return
            except ModelError as error:
                if begun or not await placing.gave_up(error):
                    raise

    def count(self, *messages: Message) -> int:
        return self._tokens.count(*messages)

    def count_text(self, text: str) -> int:
        return self._tokens.count_text(text)

    async def close(self) -> None:
        await self._endpoint.close()
