"""One sum of scaled signals. Pure functions over numbers, called by `search`.

Adding scaled scores keeps what fusing by rank throws away: that one of the signals is sure and the
others are not.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

from muxi.retrieval.languages import fold
from muxi.retrieval.question import Question
from muxi.retrieval.weights import Weights
from muxi.retrieval.words import only_asks
from muxi.storage.passages import PassageRow

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
class Seen:
    """What is known of a candidate besides its scores."""

    number: int
    id: str
    speaker: str | None
    said_at: int
    """Microseconds since 1970."""
    text: str

    @classmethod
    def of(cls, row: PassageRow) -> Seen:
        said_at = row.created_at if row.said_at is None else row.said_at
        return cls(row.number, row.id, row.speaker, said_at, row.text)


@dataclass(slots=True)
class Similar:
    """Cosines of a question with many passages, ascending by number."""

    numbers: NDArray[np.int64]
    cosines: NDArray[np.float32]


def joined(parts: Sequence[Similar], among: frozenset[int] | None = None) -> Similar | None:
    """Several owners' as one, so that they are scaled alike; only passages `among` these, if
    given. None where nothing was compared."""
    import numpy as np

    filled = [part for part in parts if len(part.numbers)]
    if not filled:
        return None
    numbers = np.concatenate([part.numbers for part in filled])
    cosines = np.concatenate([part.cosines for part in filled])
    if len(filled) > 1:
        order = np.argsort(numbers)
        numbers, cosines = numbers[order], cosines[order]
    if among is not None:
        kept = np.isin(numbers, np.fromiter(among, dtype=np.int64, count=len(among)))
        numbers, cosines = numbers[kept], cosines[kept]
    return Similar(numbers, cosines) if len(numbers) else None


@dataclass(slots=True)
class Candidates:
    """Passages on the way to a result, with what each signal gave them."""

    weights: Weights
    signals: dict[int, dict[str, float]] = field(default_factory=dict[int, dict[str, float]])

    def add_scores(self, name: str, scores: Iterable[tuple[int, float]], weight: float) -> None:
        """Scores of 0 and more, scaled by the greatest of them."""
        known = [(number, score) for number, score in scores if score > 0]
        most = max((score for _, score in known), default=0.0)
        for number, score in known:
            self.signals.setdefault(number, {})[name] = weight * score / most

    def add_similar(self, name: str, similar: Similar | None, weight: float, *, most: int) -> None:
        """The `most` nearest become candidates; the others that are candidates get their share.

        One that has no vector yet counts as middling, so that what is new is not held back.
        """
        import numpy as np

        if similar is None:
            return
        numbers, cosines = similar.numbers, similar.cosines
        least, span = float(cosines.min()), float(np.ptp(cosines))
        scaled = (cosines - least) / span if span > 1e-6 else np.clip(cosines, 0, 1)
        best = np.argpartition(scaled, -most)[-most:] if len(scaled) > most else slice(None)
        for number in numbers[best].tolist():
            self.signals.setdefault(number, {})
        wanted = np.fromiter(self.signals, dtype=np.int64, count=len(self.signals))
        places = np.minimum(np.searchsorted(numbers, wanted), len(numbers) - 1)
        shares = np.where(numbers[places] == wanted, scaled[places], scaled.mean())
        for number, share in zip(wanted.tolist(), shares.tolist(), strict=True):
            self.signals[number][name] = weight * share

    def worth_reading(self, question: Question, *, limit: int, most: int) -> list[int]:
        """The numbers that can still be among the best `limit`, the best so far first, up to
        `most` beyond them: what is not known yet adds only so much."""
        scores = [(sum(signals.values()), number) for number, signals in self.signals.items()]
        ranked = heapq.nlargest(max(most, limit), scores)
        if len(ranked) <= limit:
            return [number for _, number in ranked]
        weights = self.weights
        open_yet = weights.asks
        if question.who:
            open_yet += weights.who
        if question.when:
            open_yet += weights.when
        if question.latest:
            open_yet += weights.latest
        least = ranked[limit - 1][0] - open_yet
        return [number for score, number in ranked if score >= least]

    def hits(self, seen: Sequence[Seen], question: Question) -> list[Hit]:
        """All that were looked at, the best first, with who, when and what they are counted in."""
        who = {fold(speaker) for speaker in question.who}
        found: list[Hit] = []
        for row in seen:
            signals = self.signals[row.number]
            self._weigh(signals, row, who, question)
            found.append(Hit(row.number, row.id, sum(signals.values()), signals))
        if question.latest:
            self._prefer_newest(found, {row.number: row.said_at for row in seen})
        found.sort(key=lambda hit: (-hit.score, -hit.number))
        return found

    def _weigh(
        self, signals: dict[str, float], row: Seen, who: set[str], question: Question
    ) -> None:
        if who and row.speaker is not None and fold(row.speaker) in who:
            signals["who"] = self.weights.who
        if question.when:
            near = max(when.nearness(_day(row.said_at)) for when in question.when)
            if near:
                signals["when"] = self.weights.when * near
        if only_asks(row.text):
            signals["asks"] = -self.weights.asks

    def _prefer_newest(self, hits: Sequence[Hit], said: Mapping[int, int]) -> None:
        most = max((hit.score for hit in hits), default=0.0)
        order = sorted(hits, key=lambda hit: said[hit.number])
        for place, hit in enumerate(order, 1):
            share = place / len(order) * max(hit.score, 0.0) / most if most > 0 else 0.0
            hit.signals["latest"] = self.weights.latest * share
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
