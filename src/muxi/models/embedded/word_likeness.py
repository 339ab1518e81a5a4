"""How alike single words are, by their static vectors. Called by `spans`; holds a small cache."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray


_SLIP: Final = 0.8
"""Likeness of a word to one from which a slip of the hand parts it: it may be another word, too."""
_SHORTEST: Final = 4
"""Letters below which words that differ in one are mostly other words."""


class WordEncoder(Protocol):
    """What is needed of an embedder; called off the event loop."""

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class WordLikeness:
    """Compares words. Without an encoder only equal words are alike."""

    def __init__(self, encoder: WordEncoder | None = None) -> None:
        self._encoder = encoder
        self._vector = lru_cache(maxsize=20_000)(self._encode)

    def nearest(self, word: str, others: Iterable[str]) -> float:
        """Likeness of `word` to the closest of `others`; 1 when it is among them, 0 for none."""
        if not word or not others:
            return 0.0
        if word in others:
            return 1.0
        if self._encoder is None:
            return 0.0
        if any(_misspelt(word, other) for other in others):
            return _SLIP
        vector = self._vector(word)
        return max(0.0, *(float(vector @ self._vector(other)) for other in others))

    def _encode(self, word: str) -> NDArray[np.float32]:
        assert self._encoder is not None
        return self._encoder.vectors([word])[0]


def _misspelt(word: str, other: str) -> bool:
    """Whether one letter too many, too few or wrong, or two exchanged, part the words."""
    if min(len(word), len(other)) < _SHORTEST or abs(len(word) - len(other)) > 1:
        return False
    start = next((i for i, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), None)
    if start is None:
        return True
    one, two = word[start:], other[start:]
    return (
        one[1:] == two[1:]
        or one[1:] == two
        or one == two[1:]
        or (one[:2] == two[1::-1] and one[2:] == two[2:])
    )
