"""Embedding models behind OpenAI's and Google's formats. Made by `models.resolve.embedder`."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from muxi.core.errors import ModelError, ModelProtocolError
from muxi.models.endpoint import Endpoint
from muxi.models.google_names import path_of, resource_of
from muxi.wire.encoded import to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_ONCE = 4
"""Batches of one call that are under way together."""


class _OpenAIItem(msgspec.Struct):
    embedding: list[float]
    index: int | None = None


class _OpenAIAnswer(msgspec.Struct):
    data: list[_OpenAIItem]


class _GoogleItem(msgspec.Struct):
    values: list[float]


class _GoogleAnswer(msgspec.Struct):
    embeddings: list[_GoogleItem]


class HostedEmbedder(ABC):
    """One embedding model behind one endpoint.

    Args:
        name: `provider/model`.
        endpoint: Where the provider listens.
        dimensions: Width of the vectors; None: known after the first answer.
        cut: Whether the provider is to cut its vectors to `dimensions`.
    """

    batch = 128
    """Texts of one request."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        dimensions: int | None = None,
        cut: bool = False,
    ) -> None:
        self._name = name
        self._endpoint = endpoint
        self._dimensions = dimensions
        self.model = name.partition("/")[2]
        self.cut = dimensions if cut else None

    @property
    def name(self) -> str:
        return self._name

    @property
    def dimensions(self) -> int:
        """Width of the vectors.

        Raises:
            ModelError: It is not known before the first answer.
        """
        if self._dimensions is None:
            raise ModelError(
                f"The width of the vectors of {self._name} is not known yet.",
                hint="Give `dimensions`, or embed a text first.",
            )
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """See `muxi.models.embedding.Embedder`. Vectors of length 0 stay so."""
        import numpy as np

        batches = [texts[at : at + self.batch] for at in range(0, len(texts), self.batch)]
        slots = asyncio.Semaphore(_AT_ONCE)
        tasks = [asyncio.create_task(self._ask(batch, slots)) for batch in batches]
        try:
            rows = [row for answer in await asyncio.gather(*tasks) for row in answer]
        finally:
            # One that failed leaves the others running, for nobody.
            for task in tasks:
                task.cancel()
        if not rows:
            return np.zeros((0, self._dimensions or 0), dtype=np.float32)
        if len({len(row) for row in rows}) != 1:
            raise ModelProtocolError(f"{self._name} sent vectors of several widths.")
        vectors = np.asarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        self._dimensions = int(vectors.shape[1])
        lengths[lengths == 0] = 1
        return np.divide(vectors, lengths, dtype=np.float32)

    async def _ask(self, texts: Sequence[str], slots: asyncio.Semaphore) -> list[list[float]]:
        path, body = self._question(texts)
        async with slots:
            data = await self._endpoint.post_json(path, to_json(body), model=self._name)
        try:
            rows = self._answer(data)
        except (msgspec.DecodeError, UnicodeError):
            rows = []
        if len(rows) != len(texts):
            raise ModelProtocolError(
                f"{self._name} did not send one vector a text.", model=self._name
            )
        return rows

    async def close(self) -> None:
        await self._endpoint.close()

    @abstractmethod
    def _question(self, texts: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """Path and body of the request."""

    @abstractmethod
    def _answer(self, data: bytes) -> list[list[float]]:
        """The vectors, in the order of the texts."""


class OpenAIEmbedder(HostedEmbedder):
    """https://platform.openai.com/docs/api-reference/embeddings, and all that is compatible."""

    def _question(self, texts: Sequence[str]) -> tuple[str, dict[str, Any]]:
        body: dict[str, Any] = {"model": self.model, "input": list(texts)}
        if self.cut is not None:
            body["dimensions"] = self.cut
        return "/embeddings", body

    def _answer(self, data: bytes) -> list[list[float]]:
        items = msgspec.json.decode(data, type=_OpenAIAnswer).data
        if all(item.index is not None for item in items):
            items.sort(key=lambda item: item.index or 0)
        return [item.embedding for item in items]


class GoogleEmbedder(HostedEmbedder):
    """https://ai.google.dev/api/embeddings#method:-models.batchembedcontents"""

    batch = 100

    def _question(self, texts: Sequence[str]) -> tuple[str, dict[str, Any]]:
        resource = resource_of(self.model)
        cut = {} if self.cut is None else {"outputDimensionality": self.cut}
        requests = [
            {"model": resource, "content": {"parts": [{"text": text}]}, **cut} for text in texts
        ]
        return path_of(self.model, "batchEmbedContents"), {"requests": requests}

    def _answer(self, data: bytes) -> list[list[float]]:
        answer = msgspec.json.decode(data, type=_GoogleAnswer)
        return [item.values for item in answer.embeddings]
