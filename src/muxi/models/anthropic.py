"""Models behind Anthropic's Messages format. Made by `models.resolve`.

The format itself is in `muxi.wire.anthropic`; nothing of it may be written here.
"""

from __future__ import annotations

from collections.abc import Mapping

from muxi.core.messages import MediaPart, Role
from muxi.core.requests import ModelRequest
from muxi.models.endpoint import Endpoint
from muxi.models.file_stores import FILES_BETA, AnthropicFiles
from muxi.models.hosted import HostedModel
from muxi.models.model import ModelProfile
from muxi.wire.anthropic.answer import MessagesDecoder
from muxi.wire.anthropic.blocks import MEDIA, by_id
from muxi.wire.anthropic.dialect import dialect_of
from muxi.wire.anthropic.request import BINDING_BETA, RequestEncoder

_MAX_TOKENS = 32_000
"""Bound of an answer when neither request nor profile is lower. It need not be larger: providers
count the bound against the context, and an answer that ends early costs only what it has."""
_UNKNOWN_MAX_TOKENS = 8192
"""Bound for a model of which nothing is known: what the smallest of the last years admit."""


class AnthropicModel(HostedModel):
    """One model that speaks Messages. See `HostedModel` for the arguments.

    The endpoint bears the key in `x-api-key`, without a prefix.
    """

    path = "/messages"
    media = MEDIA
    largest_image = 3_900_000  # 5 MiB once it is written in base 64

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        profile: ModelProfile | None = None,
        *,
        model: str | None = None,
    ) -> None:
        super().__init__(name, endpoint, profile, model=model)
        bound = min(self.profile.output_tokens or _UNKNOWN_MAX_TOKENS, _MAX_TOKENS)
        dialect = dialect_of(self.model)
        self.headers = {"anthropic-version": "2023-06-01"}
        if dialect.bound:
            self.headers["anthropic-beta"] = BINDING_BETA
        betas = [*([BINDING_BETA] if dialect.bound else []), FILES_BETA]
        self._headers_with_ids = {**self.headers, "anthropic-beta": ",".join(betas)}
        self.files = AnthropicFiles(endpoint)
        self._encoder = RequestEncoder(self.model, dialect, max_tokens=bound)

    def by_id(self, role: Role, part: MediaPart) -> bool:
        return by_id(role, part)

    def headers_with_ids(self) -> Mapping[str, str]:
        return self._headers_with_ids

    def encode(self, request: ModelRequest) -> bytes:
        return self._encoder.encode(request)

    def decoder(self) -> MessagesDecoder:
        return MessagesDecoder(provider=self.provider, model=self.model)
