"""Finds tools by words and meaning, among those that an agent may use. Called by `tool_search`.

Everything lies in memory: tools are few, and known when an agent is made. Equal questions to equal
tools give equal answers on every machine.
"""

from __future__ import annotations

import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from muxi.core.errors import MissingExtra
from muxi.core.requests import ToolSpec
from muxi.retrieval.acts import acts_asked, acts_of_tool
from muxi.retrieval.ranking import Similar
from muxi.retrieval.weights import Weights
from muxi.retrieval.words import asked_words, tokens, words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_WEIGHTS: Final = Weights(words=1.0, vector=1.2)
"""Chosen by the prompts of `benchmarks/tools` that are there to choose by."""
_ACT: Final = 0.4
"""What it adds that a tool does what is asked for, such as to remove something."""
_NAME_COUNTS: Final = 3
_LONGEST: Final = 2_000
"""Characters of a description that are indexed."""
_MOST_EXAMPLES: Final = 8
_BY_WORDS: Final = 60
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|_+|-+|\.|/")
_POSTING: Final = struct.Struct("<iH")


class Vectors(Protocol):
    """Texts into unit vectors, at once: `models.embedded.static.StaticEmbedder`."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class ToolIndex:
    """Tools that can be asked for. Made once for the same tools, off the event loop."""

    specs: Sequence[ToolSpec]
    _acts: Sequence[frozenset[str]]
    _lengths: bytes
    _postings: Mapping[str, bytes]
    _starts: Sequence[int]
    """Row of the first vector of each tool; those of its examples follow."""
    _vectors: NDArray[np.float32] | None
    _embedder: Vectors | None

    @classmethod
    def of(cls, specs: Sequence[ToolSpec], embedder: Vectors | None) -> ToolIndex:
        """An index of `specs`; without an embedder, or its table, words alone are compared."""
        lengths: list[bytes] = []
        postings: defaultdict[str, list[bytes]] = defaultdict(list)
        for number, spec in enumerate(specs):
            counted = Counter(words(_told(spec)))
            for word in words(spoken_name(spec)):
                counted[word] += _NAME_COUNTS
            lengths.append(_POSTING.pack(number, min(sum(counted.values()), 65_535)))
            for word, count in counted.items():
                postings[word].append(_POSTING.pack(number, min(count, 65_535)))
        texts = [_gists(spec) for spec in specs]
        vectors = None
        if embedder is not None:
            try:
                vectors = embedder.vectors([text for each in texts for text in each])
            except MissingExtra:
                embedder = None
        return cls(
            specs,
            [acts_of_tool(tokens(spoken_name(spec))) for spec in specs],
            b"".join(lengths),
            {word: b"".join(rows) for word, rows in postings.items()},
            list(accumulate(map(len, texts), initial=0))[:-1],
            vectors,
            embedder,
        )

    def find(self, question: str, limit: int) -> list[ToolSpec]:
        """The tools that fit best, at most `limit`; none if nothing is asked in words."""
        import numpy as np

        from muxi.retrieval.candidates import Candidates
        from muxi.storage.bm25 import best

        asked = asked_words(question)
        if not asked or not self.specs:
            return []
        candidates = Candidates(_WEIGHTS)
        rows = {word: [(0, row)] for word in asked if (row := self._postings.get(word))}
        if rows:
            by_words = best([(0, self._lengths)], rows, _BY_WORDS, None)
            candidates.add_scores("words", by_words, _WEIGHTS.words)
        if self._vectors is not None and self._embedder is not None:
            (vector,) = self._embedder.vectors([question])
            if vector.any():
                nearest = np.maximum.reduceat(self._vectors @ vector, self._starts)
                similar = Similar(np.arange(len(self.specs)), nearest)
                candidates.add_similar("vector", similar, _WEIGHTS.vector, most=_BY_WORDS)
        acts = acts_asked(question)
        scores = {
            at: score + (_ACT if acts & self._acts[at] else 0.0)
            for at, score in zip(candidates.numbers.tolist(), candidates.scores(), strict=True)
        }
        # Rounded, so that machines whose sums differ in the last bit agree.
        ranked = sorted(scores, key=lambda at: (-round(scores[at], 6), at))
        return [self.specs[at] for at in ranked[:limit]]


def spoken_name(spec: ToolSpec) -> str:
    """The name of a tool as words: `github__createIssue` is "github create Issue"."""
    name = " ".join(_HUMP.sub(" ", spec.name).split())
    title = spec.annotations.title
    return f"{name}. {title}" if title else name


def _gists(spec: ToolSpec) -> list[str]:
    """What a tool is for, without details of its parameters, and what people say to have it."""
    purpose = spec.description[:_LONGEST].partition("\n\n")[0]
    examples = (example.request[:_LONGEST] for example in spec.examples[:_MOST_EXAMPLES])
    return [f"{spoken_name(spec)}. {purpose}", *examples]


def _told(spec: ToolSpec) -> str:
    """All words by which a tool may be asked for."""
    examples = (example.request for example in spec.examples)
    return "\n".join([spec.description[:_LONGEST], *_parameters(spec.parameters), *examples])


def _parameters(schema: Mapping[str, Any]) -> Iterator[str]:
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return
    for name, child in cast("dict[str, Any]", properties).items():
        yield _HUMP.sub(" ", name)
        if isinstance(child, dict):
            description = cast("dict[str, Any]", child).get("description")
            if isinstance(description, str):
                yield description[:_LONGEST]
