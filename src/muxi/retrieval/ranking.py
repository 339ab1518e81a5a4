"""One sum of scaled signals. Pure functions over numbers, called by `search`.

Adding scaled scores keeps what fusing by rank throws away: that one of the signals is sure and the
others are not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from muxi.retrieval.languages import fold
from muxi.retrieval.question import Question
from muxi.retrieval.weights import Weights
from muxi.retrieval.words import only_asks
from muxi.storage.passages import Glimpse

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EPOCH: Final = date(1970, 1, 1).toordinal()
_FIRST_DAY: Final = 1_000
_LAST_DAY: Final = date.max.toordinal()
_DAY: Final = 86_400_000_000
"""Microseconds."""


@dataclass(slots=True)
class Hit:
    """A passage that was found."""

    number: int
    """Its key inside the database."""
    id: str
    score: float
    """The sum of the signals. Comparable within one search only."""
    signals: dict[str, float]
    """What each signal added: `words`, `vector`, `window`, `who`, `when`, `latest`, `asks`,
    `extra`, `rerank`."""


@dataclass(slots=True)
class Similar:
    """Cosines of a question with many passages, ascending by number."""

    numbers: NDArray[np.int64]
    cosines: NDArray[np.float32]


def ordered(
    seen: Sequence[Glimpse],
    signals: Sequence[dict[str, float]],
    question: Question,
    weights: Weights,
) -> list[Hit]:
    """Hits of these passages, the best first: their `signals`, and who, when and what they are."""
    who = {fold(speaker) for speaker in question.who}
    found: list[Hit] = []
    for row, given in zip(seen, signals, strict=True):
        _weigh(given, row, who, question=question, weights=weights)
        found.append(Hit(row.number, row.id, sum(given.values()), given))
    if question.latest:
        _prefer_newest(found, {row.number: row.said_at for row in seen}, weights.latest)
    found.sort(key=lambda hit: (-hit.score, -hit.number))
    return found


def _weigh(
    signals: dict[str, float], row: Glimpse, who: set[str], *, question: Question, weights: Weights
) -> None:
    if who and row.speaker is not None and fold(row.speaker) in who:
        signals["who"] = weights.who
    if question.when:
        near = max(when.nearness(_day(row.said_at)) for when in question.when)
        if near:
            signals["when"] = weights.when * near
    if only_asks(row.text):
        signals["asks"] = -weights.asks


def _prefer_newest(hits: Sequence[Hit], said: Mapping[int, int], weight: float) -> None:
    most = max((hit.score for hit in hits), default=0.0)
    order = sorted(hits, key=lambda hit: said[hit.number])
    for place, hit in enumerate(order, 1):
        share = place / len(order) * max(hit.score, 0.0) / most if most > 0 else 0.0
        hit.signals["latest"] = weight * share
        hit.score = sum(hit.signals.values())


def reranked(hits: Sequence[Hit], scores: Sequence[float], weight: float) -> list[Hit]:
    """`hits` in the order that a reranker's `scores` of the first of them give, with their own
    scores between equals; what it was not asked about comes behind."""
    asked = list(hits[: len(scores)])
    least, most = min(scores, default=0.0), max(scores, default=0.0)
    for hit, score in zip(asked, scores, strict=True):
        hit.signals["rerank"] = weight * (score - least) / (most - least) if most > least else 0.0
        hit.score = sum(hit.signals.values())
    asked.sort(key=lambda hit: (-hit.score, -hit.number))
    return [*asked, *hits[len(scores) :]]


def _day(instant: int) -> date:
    """The day of an instant in microseconds; one beyond the calendar is moved to its edge."""
    return date.fromordinal(min(max(_EPOCH + instant // _DAY, _FIRST_DAY), _LAST_DAY))
