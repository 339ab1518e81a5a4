"""Models that order texts by how well they answer a question. Used by `retrieval`.

Cohere, Jina and Voyage speak nearly one format over HTTP; so do servers that one runs oneself
(text-embeddings-inference and vLLM speak Jina's). Made by `models.resolve.reranker`; nothing
is sent before the first call.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from muxi.core.errors import ModelProtocolError
from muxi.wire.encoded import to_json

if TYPE_CHECKING:
    from muxi.models.endpoint import Endpoint

_LONGEST: Final = 8_000
"""Characters of one text that are sent: more than any of these models reads."""


class Reranker(Protocol):
    """Texts ordered by a question."""

    @property
    def name(self) -> str:
        """`provider/model`."""
        ...

    async def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        """One score a text, in the order of the texts; larger is better.

        Raises:
            ModelError: The provider could not answer.
        """
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Service:
    """Where a provider of rerankers listens."""

    title: str
    base_url: str
    key_env: str


SERVICES: Final = {
    "cohere": Service("Cohere", "https://api.cohere.com/v2", "COHERE_API_KEY"),
    "jina": Service("Jina", "https://api.jina.ai/v1", "JINA_API_KEY"),
    "voyage": Service("Voyage", "https://api.voyageai.com/v1", "VOYAGE_API_KEY"),
}


class _Place(msgspec.Struct):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct):
    results: list[_Place] | None = None
    data: list[_Place] | None = None
    """Voyage's name for the results."""


class HostedReranker:
    """One reranking model behind one endpoint.

    See https://docs.cohere.com/reference/rerank, https://api.jina.ai/redoc and
    https://docs.voyageai.com/reference/reranker-api.
    """

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self._name = name
        self._endpoint = endpoint
        self._model = name.partition("/")[2]

    @property
    def name(self) -> str:
        return self._name

    async def rank(self, query: str, texts: Sequence[str]) -> list[float]:
        """See `Reranker`."""
        if not texts:
            return []
        documents = [text[:_LONGEST] for text in texts]
        body = {"model": self._model, "query": query[:_LONGEST], "documents": documents}
        answer = await self._endpoint.post_json("/rerank", to_json(body), model=self._name)
        try:
            decoded = msgspec.json.decode(answer, type=_Answer)
        except (msgspec.DecodeError, UnicodeError) as error:
            raise self._unfit() from error
        places = decoded.results if decoded.results is not None else decoded.data or []
        scores = {place.index: place.relevance_score for place in places}
        if scores.keys() != set(range(len(texts))):
            raise self._unfit()
        return [scores[at] for at in range(len(texts))]

    async def close(self) -> None:
        await self._endpoint.close()

    def _unfit(self) -> ModelProtocolError:
        return ModelProtocolError(f"{self._name} did not send one score a text.", model=self._name)
