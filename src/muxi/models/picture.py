"""The protocol of a model that makes pictures. Used by the runtime for the tools `images`."""

from __future__ import annotations

from typing import Protocol

from muxi.core.imaging import PictureOrder
from muxi.core.messages import ImagePart
from muxi.core.usage import Usage


class PictureModel(Protocol):
    """Words, and pictures where there are any, into a picture."""

    @property
    def name(self) -> str:
        """`provider/model`."""
        ...

    async def make(self, order: PictureOrder) -> tuple[ImagePart, Usage]:
        """One picture with its bytes, and what it took; the cost is left unknown.

        Raises:
            ModelError: The provider could not or would not make it.
        """
        ...

    async def close(self) -> None: ...
