"""Passages on the way to a result: signals of very different sizes, scaled and added.

Called by `search` when there is something to rank, because of numpy.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from muxi.retrieval.question import Question
from muxi.retrieval.ranking import Hit, Similar, ordered
from muxi.retrieval.weights import Weights
from muxi.storage.passages import Glimpse


def joined(parts: Sequence[Similar], among: frozenset[int] | None = None) -> Similar | None:
    """Several owners' as one, so that they are scaled alike; only passages `among` these, if
    given. None where nothing was compared."""
    filled = [part for part in parts if len(part.numbers)]
    if not filled:
        return None
    numbers, cosines = filled[0].numbers, filled[0].cosines
    if len(filled) > 1:
        numbers = np.concatenate([part.numbers for part in filled])
        cosines = np.concatenate([part.cosines for part in filled])
        order = np.argsort(numbers)
        numbers, cosines = numbers[order], cosines[order]
    if among is not None:
        kept = np.isin(numbers, np.fromiter(among, dtype=np.int64, count=len(among)))
        numbers, cosines = numbers[kept], cosines[kept]
    return Similar(numbers, cosines) if len(numbers) else None


def _none() -> NDArray[np.int64]:
    return np.zeros(0, np.int64)


@dataclass(slots=True)
class Candidates:
    """Passages with what each signal gave them."""

    weights: Weights
    numbers: NDArray[np.int64] = field(default_factory=_none)
    """Ascending."""
    _given: dict[str, NDArray[np.float64]] = field(default_factory=dict[str, NDArray[np.float64]])
    """By signal, for each of `numbers`; NaN where it says nothing of a passage."""

    def add_scores(self, name: str, scores: Iterable[tuple[int, float]], weight: float) -> None:
        """Scores of 0 and more, scaled by the greatest of them."""
        known = sorted((number, score) for number, score in scores if score > 0)
        if not known:
            return
        numbers = np.array([number for number, _ in known], np.int64)
        values = np.array([score for _, score in known])
        self._admit(numbers)
        given = self._given[name] = np.full(len(self.numbers), np.nan)
        given[np.searchsorted(self.numbers, numbers)] = weight * values / values.max()

    def add_similar(self, name: str, similar: Similar | None, weight: float, *, most: int) -> None:
        """The `most` nearest become candidates; the others that are candidates get their share.

        One that has no vector yet counts as middling, so that what is new is not held back.
        """
        if similar is None:
            return
        numbers, cosines = similar.numbers, similar.cosines
        least = cosines.min()
        span = cosines.max() - least
        scaled = (cosines - least) / span if span > 1e-6 else np.clip(cosines, 0, 1)
        best = np.argpartition(scaled, -most)[-most:] if len(scaled) > most else slice(None)
        self._admit(np.sort(numbers[best]))
        places = np.minimum(np.searchsorted(numbers, self.numbers), len(numbers) - 1)
        shares = scaled[places]
        known = numbers[places] == self.numbers
        if not known.all():
            shares = np.where(known, shares, scaled.mean())
        self._given[name] = weight * shares.astype(np.float64)

    def signals(self, numbers: Sequence[int]) -> list[dict[str, float]]:
        """What each signal gave these candidates."""
        places = np.searchsorted(self.numbers, np.array(numbers, np.int64))
        found: list[dict[str, float]] = [{} for _ in numbers]
        for name, given in self._given.items():
            for signals, value in zip(found, given[places].tolist(), strict=True):
                if value == value:  # noqa: PLR0124 -- NaN is no value, and unlike itself
                    signals[name] = value
        return found

    def scores(self) -> NDArray[np.float64]:
        """What the signals of each candidate add up to, in the order of `numbers`."""
        scores = np.zeros(len(self.numbers))
        for given in self._given.values():
            scores += np.where(np.isnan(given), 0.0, given)
        return scores

    def worth_reading(self, question: Question, *, limit: int, most: int) -> list[int]:
        """The numbers that can still be among the best `limit`, the best so far first, up to
        `most` beyond them: what is not known yet adds only so much."""
        if not len(self.numbers):
            return []
        scores = self.scores()
        ranked = np.lexsort((self.numbers, scores))[::-1][: max(most, limit)]
        if len(ranked) > limit:
            least = scores[ranked[limit - 1]] - self._open_yet(question)
            ranked = ranked[scores[ranked] >= least]
        return self.numbers[ranked].tolist()

    def hits(self, seen: Sequence[Glimpse], question: Question) -> list[Hit]:
        """All that were looked at, the best first, with who, when and what they are counted in."""
        signals = self.signals([row.number for row in seen])
        return ordered(seen, signals, question, self.weights)

    def _open_yet(self, question: Question) -> float:
        weights = self.weights
        open_yet = weights.asks
        if question.who:
            open_yet += weights.who
        if question.when:
            open_yet += weights.when
        if question.latest:
            open_yet += weights.latest
        return open_yet

    def _admit(self, numbers: NDArray[np.int64]) -> None:
        """Let these be candidates too, of which nothing else is known; they are ascending."""
        if not len(self.numbers):
            self.numbers = numbers
            return
        both = np.union1d(self.numbers, numbers)
        if len(both) == len(self.numbers):
            return
        places = np.searchsorted(both, self.numbers)
        for name, given in self._given.items():
            self._given[name] = np.full(len(both), np.nan)
            self._given[name][places] = given
        self.numbers = both
