"""Postings: which passages of an owner a word stands in, how often, and how well they match.

Called by `passages` alone. Each row holds up to `MOST` passages of one word, packed, and covers the
numbers from its base up to the base of the word's next row. The empty word stands for all passages
of an owner and corpus, with the number of words that each has.
"""

from __future__ import annotations

import struct
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import to_json

from muxi.storage.records import column, listed
from muxi.storage.sql import postings as sql
from muxi.storage.transaction import Tx

MOST = 128
"""Passages in a row: its bytes then stay in one page of SQLite with their key."""
LONGEST_WORD = 100
"""Characters of a word that count; it stands in a key."""
_ALL = ""
_POSTING = struct.Struct("<iH")
_SIZE = _POSTING.size
_REACH = 2**31 - 1
_HIGHEST = 2**16 - 1


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
    rows = _Rows(tx, owner, corpus)
    wanted = _wanted(changes)
    rows.load([(word, number) for word, number, _, _ in wanted])
    for word, number, before, after in wanted:
        if before:
            rows.take_out(word, number)
        if after:
            rows.put(word, number, after)
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
    rows: dict[str, list[tuple[int, bytes]]] = {}
    words = listed(tx.dialect, dict.fromkeys((_ALL, *terms)))
    for owner in owners:
        for word, base, data in tx.rows(sql.OF, owner=owner, corpus=corpus, words=words):
            rows.setdefault(word, []).append((base, data))
    everything = rows.pop(_ALL, None)
    if not rows or everything is None:
        return []
    from muxi.storage import bm25

    return bm25.best(everything, {word: rows[word] for word in sorted(rows)}, limit, among)


def _unpacked(base: int, data: bytes) -> Iterable[tuple[int, int]]:
    """Number and count of each passage in a row."""
    flat = struct.unpack("<" + "iH" * (len(data) // _SIZE), data)
    return zip([base + offset for offset in flat[::2]], flat[1::2], strict=True)


def _wanted(
    changes: Mapping[int, tuple[Sequence[str], Sequence[str]]],
) -> list[tuple[str, int, int, int]]:
    """Word, passage, and how often it stood and shall stand there, where that differs."""
    wanted: list[tuple[str, int, int, int]] = []
    for number in sorted(changes):
        before, after = (_counts(words) for words in changes[number])
        for word in before.keys() | after.keys():
            old, new = before.get(word, 0), after.get(word, 0)
            if old != new:
                wanted.append((word, number, old, new))
    return wanted


def _counts(words: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = Counter(words)
    if words:
        counts[_ALL] = len(words)
    if len(words) > _HIGHEST:
        counts = {word: min(count, _HIGHEST) for word, count in counts.items()}
    return counts


class _Rows:
    """The rows that a change touches, in memory between reading and storing them."""

    def __init__(self, tx: Tx, owner: str, corpus: str) -> None:
        self._tx = tx
        self._own: dict[str, Any] = {"owner": owner, "corpus": corpus}
        self._rows: dict[tuple[str, int], bytearray] = {}
        self._bases: dict[str, list[int]] = {}
        self._changed: dict[tuple[str, int], None] = {}
        self._stored: set[tuple[str, int]] = set()

    def load(self, pairs: list[tuple[str, int]]) -> None:
        """Read the rows of these words and passages."""
        if not pairs:
            return
        rows = self._tx.rows(
            sql.AT,
            pairs=to_json(pairs).decode(),
            words=[word for word, _ in pairs],
            numbers=[number for _, number in pairs],
            **self._own,
        )
        for word, base, data in rows:
            if word is not None:
                self._stored.add((word, base))
                self._rows[word, base] = bytearray(data)
                self._bases.setdefault(word, []).append(base)
        for bases in self._bases.values():
            bases.sort()

    def put(self, word: str, number: int, count: int) -> None:
        """Let `word` stand so often in a passage that it does not stand in."""
        bases = self._bases.setdefault(word, [])
        base = _base(bases, number)
        if base is None:
            base = number
            insort(bases, base)
            self._rows[word, base] = bytearray()
        self._rows[word, base] += _POSTING.pack(number - base, count)
        self._changed[word, base] = None

    def take_out(self, word: str, number: int) -> None:
        """Let `word` no longer stand in the passage."""
        base = _base(self._bases.get(word, []), number)
        if base is None:
            return
        row, offset = self._rows[word, base], struct.pack("<i", number - base)
        for at in range(0, len(row), _SIZE):
            if row.startswith(offset, at):
                del row[at : at + _SIZE]
                self._changed[word, base] = None
                return

    def store(self) -> None:
        """Write what was changed."""
        kept: list[dict[str, Any]] = []
        for word, base in sorted(self._changed):
            row = self._rows[word, base]
            if row:
                kept += [
                    {"word": word, "base": at, "data": data, **self._own}
                    for at, data in _pieces(row, base)
                ]
            elif (word, base) in self._stored:
                self._tx.run(sql.DELETE, word=word, base=base, **self._own)
        if kept:
            self._tx.run_many(sql.PUT, kept)


def _base(bases: Sequence[int], number: int) -> int | None:
    """Base of the row that covers the passage, or None if it would stand before all rows."""
    index = bisect_right(bases, number)
    return bases[index - 1] if index and number - bases[index - 1] <= _REACH else None


def _pieces(row: bytearray, base: int) -> list[tuple[int, bytes]]:
    """The rows that these passages of a word are stored in, with their bases."""
    if len(row) <= MOST * _SIZE:
        return [(base, bytes(row))]
    counts = sorted(_unpacked(base, bytes(row)))
    pieces: list[tuple[int, bytes]] = []
    for start in range(0, len(counts), MOST):
        some = counts[start : start + MOST]
        at = some[0][0] if start else base
        data = b"".join([_POSTING.pack(number - at, count) for number, count in some])
        pieces.append((at, data))
    return pieces
