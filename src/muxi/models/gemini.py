"""Models behind Google's generateContent. Made by `models.resolve`.

The format itself is in `muxi.wire.gemini`; nothing of it may be written here.
"""

from __future__ import annotations

from muxi.core.messages import MediaPart, Role
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Endpoint
from muxi.models.file_stores import GoogleFiles
from muxi.models.google_names import path_of
from muxi.models.hosted import HostedModel
from muxi.models.model import ModelProfile
from muxi.wire.gemini.answer import GeminiDecoder
from muxi.wire.gemini.contents import MEDIA, by_id
from muxi.wire.gemini.dialect import dialect_of
from muxi.wire.gemini.request import RequestEncoder


class GeminiModel(HostedModel):
    """One model that speaks generateContent. See `HostedModel` for the arguments.

    The endpoint bears the key in `x-goog-api-key`, without a prefix.
    """

    media = MEDIA

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        profile: ModelProfile | None = None,
        *,
        model: str | None = None,
    ) -> None:
        super().__init__(name, endpoint, profile, model=model)
        # Names with a folder, such as tuned models, bear it themselves.
        self.path = path_of(self.model, "streamGenerateContent") + "?alt=sse"
        self._encoder = RequestEncoder(dialect_of(self.model))
        self.files = GoogleFiles(endpoint)

    def by_id(self, role: Role, part: MediaPart) -> bool:
        del role
        return by_id(part)

    def encode(self, request: ModelRequest) -> bytes:
        return self._encoder.encode(request)

    def decoder(self) -> GeminiDecoder:
        return GeminiDecoder(provider=self.provider, model=self.model)
