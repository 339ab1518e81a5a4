"""Models behind OpenAI's chat completions and all that speak them. Made by `models.resolve`.

The format itself is in `muxi.wire.chat_completions`; nothing of it may be written here.
"""

from __future__ import annotations

from muxi.core.messages import MediaPart, Role
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Endpoint
from muxi.models.file_stores import OpenAIFiles
from muxi.models.hosted import HostedModel
from muxi.models.model import ModelProfile
from muxi.wire.chat_completions.answer import ChatDecoder
from muxi.wire.chat_completions.quirks import Quirks
from muxi.wire.chat_completions.request import MEDIA, RequestEncoder, by_id


class ChatCompletionsModel(HostedModel):
    """One model that speaks chat completions. See `HostedModel` for the other arguments.

    Args:
        quirks: The provider's dialect.
        path: Appended to the endpoint's base URL.
    """

    media = MEDIA

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
        super().__init__(name, endpoint, profile, model=model)
        self.path = path
        self._quirks = quirks or Quirks()
        self._encoder = RequestEncoder(self.model, self._quirks)
        if self.provider == "openai":
            # Others that speak the format rarely keep files.
            self.files = OpenAIFiles(endpoint)

    def by_id(self, role: Role, part: MediaPart) -> bool:
        return by_id(role, part)

    def encode(self, request: ModelRequest) -> bytes:
        return self._encoder.encode(request)

    def decoder(self) -> ChatDecoder:
        return ChatDecoder(provider=self.provider, model=self.model, quirks=self._quirks)
