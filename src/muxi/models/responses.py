"""Models behind OpenAI's Responses format. Made by `models.resolve`.

The format itself is in `muxi.wire.responses`; nothing of it may be written here.
"""

from __future__ import annotations

from muxi.core.messages import MediaPart, Role
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Endpoint
from muxi.models.file_stores import OpenAIFiles
from muxi.models.hosted import HostedModel
from muxi.models.model import ModelProfile
from muxi.wire.responses.answer import ResponsesDecoder
from muxi.wire.responses.dialect import dialect_of
from muxi.wire.responses.items import MEDIA, by_id
from muxi.wire.responses.request import RequestEncoder


class ResponsesModel(HostedModel):
    """One model that speaks Responses. See `HostedModel` for the arguments."""

    path = "/responses"
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
        self._encoder = RequestEncoder(self.model, dialect_of(self.model))
        self.files = OpenAIFiles(endpoint)

    def by_id(self, role: Role, part: MediaPart) -> bool:
        return by_id(role, part)

    def encode(self, request: ModelRequest) -> bytes:
        return self._encoder.encode(request)

    def decoder(self) -> ResponsesDecoder:
        return ResponsesDecoder(provider=self.provider, model=self.model)
