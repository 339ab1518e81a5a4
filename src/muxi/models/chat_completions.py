"""Models behind OpenAI's chat completions and all that speak them. Made by `models.resolve`.

The format itself is in `muxi.wire.chat_completions`; nothing of it may be written here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from muxi.core.events import ModelEvent, ResponseCompleted
from muxi.core.messages import Message
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Endpoint
from muxi.models.model import ModelProfile
from muxi.models.tokens import TokenEstimate
from muxi.wire.chat_completions.answer import ChatDecoder
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.chat_completions.request import RequestEncoder


class ChatCompletionsModel:
    """One model behind one endpoint.

    Args:
        name: `provider/model`.
        endpoint: Where the provider listens.
        profile: What is known of the model.
        model: The provider's own name of it, when it is not the second half of `name`.
        quirks: The provider's dialect.
        path: Appended to the endpoint's base URL.
    """

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        profile: ModelProfile | None = None,
        *,
        model: str | None = None,
        quirks: Quirks | None = None,
        path: str = "/chat/completions",
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._profile = profile or ModelProfile()
        self._provider, _, own = name.partition("/")
        self._model = model or own
        self._quirks = quirks or Quirks()
        self._path = path
        self._encoder = RequestEncoder(self._model, self._quirks)
        self._tokens = TokenEstimate()

    @property
    def name(self) -> str:
        return self._name

    @property
    def profile(self) -> ModelProfile:
        return self._profile

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """See `muxi.models.model.Model`."""
        body = self._encoder.encode(request)
        decoder = ChatDecoder(provider=self._provider, model=self._model, quirks=self._quirks)
        stream = self._endpoint.stream(
            self._path, body, decoder, model=self._name, idle=request.settings.timeout
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
