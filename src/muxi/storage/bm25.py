"""BM25 over packed postings. Imported by `postings` at the first question, because of numpy.

What is rare is measured among the passages that are searched, so that nothing of one owner moves
the ranking of another. Nothing here reads or knows a database.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_POSTING = np.dtype([("offset", "<i4"), ("count", "<u2")])
_SATURATION = 1.2
_BY_LENGTH = 0.75

Packed = Sequence[tuple[int, bytes]]
"""Rows of one word: the base, and offsets with counts."""


def best(
    everything: Packed, rows: Mapping[str, Packed], limit: int, among: Iterable[int] | None
) -> list[tuple[int, float]]:
    """The passages with the highest scores, of equal ones the newest first.

    Args:
        everything: All passages with their lengths in words.
        rows: The passages of each word that was asked for.
        limit: The most passages.
        among: If given, only these passages are hits.
    """
    numbers, lengths = _unpacked(everything)
    if not bool((numbers[1:] > numbers[:-1]).all()):
        order = np.argsort(numbers, kind="stable")
        numbers, lengths = numbers[order], lengths[order]
    slow = _SATURATION * (1 - _BY_LENGTH + _BY_LENGTH / lengths.mean() * lengths)
    # All words in one go: of most there are only a few rows.
    which, counts = _unpacked([row for packed in rows.values() for row in packed])
    sizes = [sum(len(data) for _, data in packed) // _POSTING.itemsize for packed in rows.values()]
    rarities = [math.log(1 + (len(numbers) - size + 0.5) / (size + 0.5)) for size in sizes]
    at = np.searchsorted(numbers, which)
    gained = np.repeat(rarities, sizes) * (_SATURATION + 1) * counts / (counts + slow[at])
    scores = np.bincount(at, gained, len(numbers))
    if among is not None:
        scores[~np.isin(numbers, np.fromiter(among, np.int64))] = 0
    hits = np.flatnonzero(scores)
    first = hits[np.lexsort((numbers[hits], scores[hits]))][::-1][:limit]
    return list(zip(numbers[first].tolist(), scores[first].tolist(), strict=True))


def _unpacked(packed: Packed) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Numbers and counts."""
    found = np.frombuffer(b"".join([data for _, data in packed]), _POSTING)
    sizes = [len(data) // _POSTING.itemsize for _, data in packed]
    bases = np.repeat(np.array([base for base, _ in packed], np.int64), sizes)
    return bases + found["offset"], found["count"].astype(np.float64)
