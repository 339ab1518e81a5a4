"""How much each sign counts in the sum that ranks passages. Used by `ranking`.

Chosen by the mean of the generated sets of `benchmarks/memory`, where the result is flat around
them; `extra` and `rerank` are not measured: see docs/design/retrieval.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """What each signal may add to a score at most; each is scaled to between 0 and 1 first."""

    words: float = 1.0
    """BM25 of the window, over the best one's."""
    vector: float = 0.5
    """Cosine of the passage, between the least and the most of all that were compared."""
    window: float = 0.25
    """Cosine of its window, likewise."""
    who: float = 0.4
    """It was said by one whom the question names."""
    when: float = 0.2
    """It was said in the time that the question names."""
    latest: float = 0.3
    """It is the newest, when the question asks for the present state; times its score so far."""
    asks: float = 0.12
    """Taken away when the passage only asks."""
    extra: float = 0.4
    """Scores that the caller brings along, such as of facts drawn from a passage."""
    rerank: float = 2.0
    """What a reranker says, over the score of the rest."""


DEFAULT: Final = Weights()
