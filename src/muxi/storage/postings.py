"""Postings: which passages of an owner a word stands in, how often, and how well they match.

Called by `passages` alone. Each row holds up to `MOST` passages of one word, packed, and covers the
numbers from its base up to the base of the word's next row. The empty word stands for all passages
of an owner and corpus, with the number of words that each has. Scores are BM25 with what is rare in
the owner's own passages, so that nothing of one owner moves the ranking of another.
"""

from __future__ import annotations

import heapq
import math
import struct
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from muxi.storage.records import column, listed
from muxi.storage.sql import postings as sql
from muxi.storage.transaction import Row, Tx

MOST = 128
"""Passages in a row: its bytes then stay in one page of SQLite with their key."""
LONGEST_WORD = 100
"""Characters of a word that count; it stands in a key."""
_ALL = ""
_POSTING = struct.Struct("<iH")
_REACH = 2**31 - 1
_HIGHEST = 2**16 - 1
_SATURATION = 1.2
_BY_LENGTH = 0.75


def normal(words: Iterable[str]) -> list[str]:
    """The words as they stand in rows: one with a blank inside is two."""
    return [word[:LONGEST_WORD] for word in column(" ".join(words)).split()]


def lock(tx: Tx, owner: str) -> None:
    """Let no other transaction change the owner's postings until this one ends.

    To be called before the words are read that `change` is told.
    """
    tx.rows(sql.LOCK, key=f"{tx.scope.tenant}\n{owner}")


def change(
    tx: Tx, owner: str, corpus: str, changes: Mapping[int, tuple[Sequence[str], Sequence[str]]]
) -> None:
    """Replace the words of passages by others.

    Args:
        tx: A transaction of the owner's tenant.
        owner: The owner, as in rows.
        corpus: The corpus of all these passages.
        changes: By the number of a passage, the words that it had and those that it has now, as
            `normal` gives them.
    """
    wanted = _wanted(changes)
    if not wanted:
        return
    rows = _Rows(tx, owner, corpus)
    rows.load(wanted)
    for (word, number), count in wanted.items():
        rows.put(word, number, count)
    rows.store()


def match(
    tx: Tx,
    owners: Sequence[str],
    corpus: str,
    terms: Sequence[str],
    *,
    limit: int,
    among: frozenset[int] | None = None,
) -> list[tuple[int, float]]:
    """The passages that some of the terms stand in, the best first, with their BM25.

    Args:
        tx: A transaction of the owners' tenant.
        owners: Whose passages; what is rare is measured in all of theirs together.
        corpus: Of which corpus.
        terms: Words as `normal` gives them; each counts once.
        limit: The most passages.
        among: If given, only these passages are hits.
    """
    found = _read(tx, owners, corpus, terms)
    lengths = found.pop(_ALL, {})
    if not lengths:
        return []
    total = len(lengths)
    mean = sum(lengths.values()) / total or 1.0
    flat, slope = _SATURATION * (1 - _BY_LENGTH), _SATURATION * _BY_LENGTH / mean
    scores: dict[int, float] = {}
    for term in dict.fromkeys(terms):
        counts = found.get(term)
        if not counts:
            continue
        rarity = math.log(1 + (total - len(counts) + 0.5) / (len(counts) + 0.5))
        gain = rarity * (_SATURATION + 1)
        for number, count in counts.items():
            if among is None or number in among:
                part = gain * count / (count + flat + slope * lengths[number])
                scores[number] = scores.get(number, 0.0) + part
    # Equal scores in the order of numbers, the newest first: an answer must not depend on chance.
    best = heapq.nlargest(limit, ((score, number) for number, score in scores.items()))
    return [(number, score) for score, number in best]


def _read(
    tx: Tx, owners: Sequence[str], corpus: str, terms: Sequence[str]
) -> dict[str, dict[int, int]]:
    """By word, how often it stands in each passage."""
    found: dict[str, dict[int, int]] = {}
    words = listed(tx.dialect, dict.fromkeys((_ALL, *terms)))
    for owner in owners:
        for word, base, data in tx.rows(sql.OF, owner=owner, corpus=corpus, words=words):
            counts = found.setdefault(word, {})
            for offset, count in _POSTING.iter_unpack(data):
                counts[base + offset] = count
    return found


def _wanted(
    changes: Mapping[int, tuple[Sequence[str], Sequence[str]]],
) -> dict[tuple[str, int], int]:
    """How often each word shall stand in each passage from now on, where that changes."""
    wanted: dict[tuple[str, int], int] = {}
    for number in sorted(changes):
        before, after = (Counter(words) for words in changes[number])
        for counts, words in zip((before, after), changes[number], strict=True):
            if words:
                counts[_ALL] = len(words)
        for word in sorted(before.keys() | after.keys()):
            count = min(after[word], _HIGHEST)
            if count != min(before[word], _HIGHEST):
                wanted[word, number] = count
    return wanted


class _Rows:
    """The rows that a change touches, in memory between reading and storing them."""

    def __init__(self, tx: Tx, owner: str, corpus: str) -> None:
        self._tx = tx
        self._own: dict[str, Any] = {"owner": owner, "corpus": corpus}
        self._rows: dict[str, dict[int, dict[int, int]]] = {}
        self._bases: dict[str, list[int]] = {}
        self._changed: dict[tuple[str, int], None] = {}
        self._stored: set[tuple[str, int]] = set()

    def load(self, wanted: Iterable[tuple[str, int]]) -> None:
        pairs = list(wanted)
        rows = self._tx.rows(
            sql.AT,
            pairs=to_json(pairs).decode(),
            words=[word for word, _ in pairs],
            numbers=[number for _, number in pairs],
            **self._own,
        )
        for row in rows:
            if row[0] is not None:
                self._take(row)

    def put(self, word: str, number: int, count: int) -> None:
        """Let `word` stand so often in the passage; with 0, no longer."""
        base = self._base(word, number)
        if base is None:
            if not count:
                return
            base = number
            self._rows.setdefault(word, {})[base] = {}
            insort(self._bases.setdefault(word, []), base)
        if count:
            self._rows[word][base][number] = count
        else:
            self._rows[word][base].pop(number, None)
        self._changed[word, base] = None

    def store(self) -> None:
        kept: list[dict[str, Any]] = []
        for word, base in self._changed:
            counts = self._rows[word][base]
            pieces = _pieces(counts, base)
            if base not in pieces and (word, base) in self._stored:
                self._tx.run(sql.DELETE, word=word, base=base, **self._own)
            kept += [
                {"word": word, "base": at, "data": data, **self._own} for at, data in pieces.items()
            ]
        if kept:
            self._tx.run_many(sql.PUT, kept)

    def _take(self, row: Row) -> None:
        word, base, data = row
        if (word, base) in self._stored:
            return
        self._stored.add((word, base))
        counts = {base + offset: count for offset, count in _POSTING.iter_unpack(data)}
        self._rows.setdefault(word, {})[base] = counts
        insort(self._bases.setdefault(word, []), base)

    def _base(self, word: str, number: int) -> int | None:
        """Base of the row that covers the passage, or None if it would stand before all rows."""
        bases = self._bases.get(word, [])
        index = bisect_right(bases, number)
        base = bases[index - 1] if index else None
        return None if base is None or number - base > _REACH else base


def _pieces(counts: Mapping[int, int], base: int) -> dict[int, bytes]:
    """The rows that hold these passages of a word, by their base."""
    numbers = sorted(counts)
    pieces: dict[int, bytes] = {}
    for start in range(0, len(numbers), MOST):
        some = numbers[start : start + MOST]
        at = some[0] if start else base
        pieces[at] = b"".join(_POSTING.pack(number - at, counts[number]) for number in some)
    return pieces
