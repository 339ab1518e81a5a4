"""The protocol of an embedding model. Used by tool choice, memory and knowledge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Embedder(Protocol):
    """Texts into unit vectors."""

    @property
    def name(self) -> str:
        """`provider/model`; stored beside each vector."""
        ...

    @property
    def dimensions(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector a text, shape (len(texts), dimensions).

        Raises:
            ModelError: The provider could not answer.
        """
        ...

    async def close(self) -> None: ...
