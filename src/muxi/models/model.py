"""The protocol of a language model. Implemented by providers and wrappers, called by agents."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Protocol

from muxi.core.events import ModelEvent
from muxi.core.messages import AudioPart, ImagePart, MediaPart, Message
from muxi.core.requests import ModelRequest
from muxi.core.usage import Usage


@dataclass(slots=True, frozen=True, kw_only=True)
class Price:
    """US dollars per million tokens. A None is an unknown price, never a free one."""

    input: Decimal | None = None
    output: Decimal | None = None
    cached: Decimal | None = None
    """None: cached tokens cost what input costs."""
    cache_write: Decimal | None = None
    """None: written tokens cost what input costs."""
    tiers: tuple[tuple[int, Price], ...] = ()
    """Prices of a whole call whose input has more tokens than the number, ascending."""

    def cost(self, usage: Usage) -> Decimal | None:
        """US dollars for `usage` of one call, or None when a price that it needs is unknown."""
        for start, price in reversed(self.tiers):
            if usage.input_tokens > start:
                return price.cost(usage)
        if self.input is None or self.output is None:
            return None
        plain = usage.input_tokens - usage.cached_tokens - usage.cache_write_tokens
        cached = self.input if self.cached is None else self.cached
        written = self.input if self.cache_write is None else self.cache_write
        total = (
            plain * self.input
            + usage.cached_tokens * cached
            + usage.cache_write_tokens * written
            + usage.output_tokens * self.output
        )
        return total / 1_000_000


FREE = Price(input=Decimal(0), output=Decimal(0))
"""The price of a model that runs on this machine."""


@dataclass(slots=True, frozen=True, kw_only=True)
class ModelProfile:
    """What is known of a model. None is unknown."""

    context_tokens: int | None = None
    output_tokens: int | None = None
    price: Price | None = None
    tools: bool = True
    """Whether it takes tools at all."""
    structured_output: bool = True
    """Whether it can be held to a JSON Schema by its provider."""
    images: bool | None = None
    """Whether it sees pictures; None where nobody knows, so that it is tried."""
    audio: bool | None = None
    """Whether it hears, likewise."""
    files: bool | None = None
    """Whether it reads documents as they are; where nobody knows, their text does as well."""
    media: tuple[str, ...] = ("*/*",)
    """Media types that its provider's format has a place for, such as `image/*`."""
    largest_image: int | None = None
    """Bytes of a picture that its provider still takes."""
    small: bool = False
    """A model for trying things out, of which no quality can be expected."""

    def takes(self, part: MediaPart) -> bool | None:
        """Whether the model can be given `part`; None if that is to be tried."""
        able = self.files is True
        if isinstance(part, ImagePart):
            able = self.images
            most = self.largest_image
            if most is not None and part.data is not None and len(part.data) > most:
                return False
        elif isinstance(part, AudioPart):
            able = self.audio
        # Of what lies elsewhere, only the provider sees what it is.
        known = part.url is not None or any(
            fnmatchcase(part.media_type, each) for each in self.media
        )
        return able if known else False


class Model(Protocol):
    """A language model: one question, one stream of events."""

    @property
    def name(self) -> str:
        """`provider/model`."""
        ...

    @property
    def profile(self) -> ModelProfile: ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """Deltas as they come, and one `ResponseCompleted` at the end.

        Closing the generator cancels the call. One model object serves any number of streams at
        once.

        Raises:
            ModelError: The provider could not answer. Raised before the first delta, or in the
                middle of the stream when the answer broke off.
        """
        ...

    def count(self, *messages: Message) -> int:
        """Tokens of `messages` in a prompt: exact where the tokenizer is known, else too many, and
        together no fewer than one by one."""
        ...

    def count_text(self, text: str) -> int:
        """Tokens of `text`, likewise; used for instructions and tool schemas."""
        ...

    async def close(self) -> None:
        """Release connections and memory. The model is not used afterwards."""
        ...
