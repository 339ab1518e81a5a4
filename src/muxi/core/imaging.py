"""Making pictures and looking at them: the port by which tools reach models, made by `runtime`.

It must never name a model's provider: which model does it, the project says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from muxi.core.messages import ImagePart
from muxi.core.ports import Context

Shape = Literal["square", "landscape", "portrait"]
"""How a picture lies: 1:1, 3:2 or 2:3, or what the model has nearest to that."""

_SIGNATURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF87a": "image/gif",
    b"GIF89a": "image/gif",
}


def picture_type(data: bytes) -> str | None:
    """The media type of a picture by its first bytes; None if these begin none that models take."""
    for signature, media_type in _SIGNATURES.items():
        if data.startswith(signature):
            return media_type
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOrder:
    """What is to be made."""

    prompt: str
    shape: Shape | None = None
    """None: the model chooses, or the shape of the picture that is changed stays."""
    sources: Sequence[ImagePart] = ()
    """Pictures with their bytes that are to be changed or put together; none to make a new one."""


class Imaging(Protocol):
    """Models that make pictures, and models that see."""

    async def make(
        self, ctx: Context, order: PictureOrder, *, model: str, price: Decimal | None
    ) -> ImagePart:
        """One picture, with its bytes.

        Args:
            ctx: The run, to whose usage it is added.
            order: What is wanted.
            model: Name of the model.
            price: US dollars for one picture; None if it is not known.

        Raises:
            ModelError: The model could not make it, or there is no such model.
            PriceUnknown: The run has a limit of cost, and the price is not known.
        """
        ...

    async def look(
        self, ctx: Context, picture: ImagePart, question: str, *, model: str | None
    ) -> str:
        """What a model says to a question about a picture.

        Args:
            ctx: The run, to whose usage it is added.
            picture: With its bytes.
            question: In words.
            model: Name of the model; None for the project's.

        Raises:
            ModelError: It could not answer, or does not see.
        """
        ...

    async def with_bytes(self, ctx: Context, picture: ImagePart) -> ImagePart:
        """A picture of the conversation with its bytes.

        Raises:
            NotFound: They are gone.
            StorageError: They cannot be read.
        """
        ...
