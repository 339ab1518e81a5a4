"""Which tool a request asks for, if any: embeddings and a linear layer fitted over many tools.

Called by the model before it lets the language model speak. It must never know a particular tool.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from typing import TYPE_CHECKING, Final, Protocol

from muxi.core.requests import ToolSpec
from muxi.models.embedded import evidence
from muxi.models.embedded.collection import Collection, stored_vectors
from muxi.models.embedded.tokens import tokenize

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_VIEWS_KEPT: Final = 512
_LONGEST_REQUEST: Final = 1_000
"""Characters of a request that are compared; both ends count, the middle does not."""


class Encoder(Protocol):
    """What the router needs of an embedder; called off the event loop."""

    @property
    def name(self) -> str: ...

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


@dataclass(slots=True, frozen=True)
class Scored:
    """A tool and its log odds against answering without any tool."""

    spec: ToolSpec
    score: float


class Router:
    """Chooses among the tools of a request. Safe to call from several threads."""

    def __init__(self, encoder: Encoder, *, weights: Sequence[float] | None = None) -> None:
        self._encoder = encoder
        self._weights = weights
        self._views: OrderedDict[str, evidence.ToolView] = OrderedDict()
        self._lock = threading.RLock()

    @cached_property
    def collection(self) -> Collection:
        """The samples, encoded when first needed."""
        with self._lock:
            return Collection(self.encode, stored_vectors(self._encoder.name))

    @cached_property
    def weights(self) -> Sequence[float]:
        """The layer that was fitted for this encoder."""
        return self._weights or read_weights(self._encoder.name)

    def rank(self, request: str, tools: Sequence[ToolSpec]) -> list[Scored]:
        """The tools by falling score; a negative one loses against plain talk."""
        seen = self.look(request)
        rows = [evidence.features(seen, self.view(spec)) for spec in tools]
        scores = evidence.weigh(rows, self.weights)
        ranked = [Scored(spec, score) for spec, score in zip(tools, scores, strict=True)]
        return sorted(ranked, key=lambda scored: -scored.score)

    def look(
        self, request: str, *, leave_out: bool = False, without: int | None = None
    ) -> evidence.RequestView:
        """`request` prepared for comparison."""
        if len(request) > _LONGEST_REQUEST:
            half = _LONGEST_REQUEST // 2
            request = f"{request[:half]} {request[-half:]}"
        vector = self.encode([request])[0]
        return evidence.RequestView(
            request, vector, self.collection, leave_out=leave_out, without=without
        )

    def view(self, spec: ToolSpec) -> evidence.ToolView:
        """`spec` prepared for comparison; the latest few hundred are kept."""
        key = spec.model_dump_json(include={"name", "description", "parameters", "examples"})
        with self._lock:
            known = self._views.get(key)
            if known is None:
                known = evidence.view(spec, self.collection, self.encode)
                self._views[key] = known
            self._views.move_to_end(key)
            while len(self._views) > _VIEWS_KEPT:
                self._views.popitem(last=False)
            return known

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Vectors of `texts` in which every address reads the same."""
        return self._encoder.vectors([_without_addresses(text) for text in texts])


def _without_addresses(text: str) -> str:
    for token in reversed(tokenize(text)):
        if token.kind == "uri":
            text = f"{text[: token.start]}https{text[token.end :]}"
    return text


def read_weights(encoder: str) -> tuple[float, ...]:
    """The shipped layer for the encoder of this name, in the order of `evidence.NAMES`."""
    path = resources.files("muxi.models.embedded").joinpath("data/router.json")
    table: dict[str, dict[str, float]] = json.loads(path.read_text(encoding="utf-8"))
    return tuple(table[encoder][name] for name in evidence.NAMES)
