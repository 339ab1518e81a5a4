"""Vectors of passages, by the model that made them. Called by `passages`, `memory`, `retrieval`.

A vector is of length 1, and stored as `blocks` says. One owner's vectors of a model lie together,
so that comparing a question with all of them is one read. Nothing here compares.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from muxi.core.errors import InvalidInput
from muxi.storage import postings, shared_vectors
from muxi.storage.owners import owned
from muxi.storage.records import column, listed
from muxi.storage.shared_vectors import Space
from muxi.storage.sql import vectors as sql
from muxi.storage.transaction import Tx

if TYPE_CHECKING:
    from muxi.storage.blocks import Vectors

_BLOCK = 7_680
"""Bytes of vectors in a row: it then lies in one page of PostgreSQL with its key, and little is
written anew when one more vector comes."""
_ENTRY = 8
"""Bytes of a row that each vector takes besides its numbers."""
_FEWEST = 8
"""Vectors in a row, however large they are."""
_REACH = 2**31 - 1
_ONLY_ROWS = -1


@dataclass(frozen=True, slots=True)
class ModelState:
    """How far the vectors of one model and kind have come."""

    model: str
    kind: str
    vectors: int
    missing: int
    """Passages that have none; for the kind `window`, pieces of documents among them."""


def put(
    tx: Tx,
    owner: str,
    corpus: str,
    model: str,
    kind: str,
    *,
    made: Sequence[tuple[int, Sequence[float]]],
) -> int:
    """Store vectors of an owner's passages, in place of earlier ones; how many were stored.

    Passages that are gone, or are not of this owner and corpus, are passed over.

    Raises:
        InvalidInput: A vector has other dimensions than the model's others.
    """
    dimensions = len(made[0][1]) if made else 0
    if any(len(vector) != dimensions or not len(vector) for _, vector in made):
        raise InvalidInput("The vectors of one model have the same dimensions, one or more.")
    name = owned(tx, owner)
    postings.lock(tx, name)
    wanted = listed(tx.dialect, [number for number, _ in made])
    known = {number for (number,) in tx.rows(sql.KNOWN, owner=name, corpus=corpus, numbers=wanted)}
    of_known = [(number, vector) for number, vector in made if number in known]
    space: Space = {"owner": name, "corpus": corpus, "model": column(model), "kind": kind}
    kept = _coded(of_known)
    if kept:
        _change(tx, space, kept, dimensions)
        tx.run_many(sql.MARK, [{"number": number, **space} for number in kept])
        shared_vectors.put(tx, space, kept)
    return len(kept)


def scan(tx: Tx, owner: str, corpus: str, model: str, kind: str) -> Vectors | None:
    """All vectors of one kind that the owner has, ascending by passage; None if there are none."""
    rows = tx.rows(sql.SCAN, owner=owned(tx, owner), corpus=corpus, model=column(model), kind=kind)
    if not rows:
        return None
    from muxi.storage import blocks

    return blocks.read([(base, width, packed, data) for base, width, packed, data in rows])


def nearest(
    tx: Tx,
    owner: str,
    corpus: str,
    model: str,
    kind: str,
    *,
    question: Sequence[float],
    limit: int,
    also: Sequence[int] = (),
) -> list[tuple[int, float]] | None:
    """The passages nearest to a question by an index, and those of `also`, with their cosines.

    Returns:
        None where there is no index, which is so for every user and on SQLite: `scan` then.
    """
    space: Space = {
        "owner": owned(tx, owner),
        "corpus": corpus,
        "model": column(model),
        "kind": kind,
    }
    return shared_vectors.nearest(tx, space, question, limit=limit, also=also)


def missing(
    tx: Tx, model: str, corpus: str | None = None, *, kind: str, limit: int, after: int = 0
) -> list[tuple[int, str, str, str]]:
    """Passages without a vector of this model and kind that the scope may see, by number.

    Args:
        tx: A transaction.
        model: The embedding model.
        corpus: Of which corpus; None for both.
        kind: `turn` or `window`.
        limit: The most passages.
        after: Only passages of a larger number, so that what is done is not walked again.

    Returns:
        Number, owner, corpus and text of each. What only stands in windows (`context`) is left out.
    """
    rows = tx.rows(
        sql.MISSING, model=column(model), corpus=corpus, kind=kind, limit=limit, after=after
    )
    return [(number, owner, where, text) for number, owner, where, text in rows]


def state(tx: Tx) -> list[ModelState]:
    """How many passages have a vector, by model and kind, of those that the scope may see."""
    row = tx.row(sql.PASSAGES)
    passages = int(row[0]) if row else 0
    return [
        ModelState(model, kind, count, max(0, passages - count))
        for model, kind, count in tx.rows(sql.STATE)
    ]


def drop(tx: Tx, model: str, *, after: int = 0, limit: int = 10_000) -> int | None:
    """Remove vectors of a model that the scope may see, so many at a time.

    Args:
        tx: A transaction.
        model: The embedding model.
        after: What the call before returned.
        limit: The most vectors.

    Returns:
        Where to go on, or None when none is left.
    """
    name = column(model)
    if after >= 0:
        rows = tx.rows(sql.OF_MODEL, model=name, after=after, limit=limit)
        if rows:
            # Both kinds of the last passage go together, wherever the limit fell.
            gone = [number for (number,) in rows]
            tx.run(sql.UNMARK, model=name, numbers=listed(tx.dialect, gone), kind=None)
            shared_vectors.remove(tx, name, None, gone)
            return int(rows[-1][0])
    left = tx.run(sql.DROP, model=name, limit=max(1, limit // _FEWEST))
    return _ONLY_ROWS if left else None


def remove(tx: Tx, owner: str, numbers: Iterable[int], *, kind: str | None = None) -> None:
    """Remove the vectors of these passages of the owner: all, or those of one kind."""
    _remove(tx, owned(tx, owner), numbers, kind)


def drop_windows(tx: Tx, numbers: Iterable[int]) -> None:
    """Remove the vectors of these passages' windows, whoever of those the scope may see owns them:
    a neighbour of theirs is gone."""
    _remove(tx, None, numbers, "window")


def _remove(tx: Tx, owner: str | None, numbers: Iterable[int], kind: str | None) -> None:
    rows = tx.rows(sql.MARKS, owner=owner, kind=kind, numbers=listed(tx.dialect, numbers))
    spaces: dict[tuple[str, str, str, str], list[int]] = {}
    for *names, number in rows:
        spaces.setdefault((names[0], names[1], names[2], names[3]), []).append(number)
    for of in dict.fromkeys(names[0] for names in spaces):
        postings.lock(tx, of)
    for (of, corpus, model, which), some in spaces.items():
        space: Space = {"owner": of, "corpus": corpus, "model": model, "kind": which}
        _change(tx, space, dict.fromkeys(some), None)
        gone = listed(tx.dialect, some)
        tx.run(sql.UNMARK, model=model, kind=which, numbers=gone)
        shared_vectors.remove(tx, model, which, some)


def _change(
    tx: Tx, space: Space, changes: Mapping[int, bytes | None], dimensions: int | None
) -> None:
    """Put these vectors into their rows, or take out those that are None."""
    rows = tx.rows(sql.AT, numbers=listed(tx.dialect, changes), **space)
    found = [row for row in rows if row[0] is not None]
    widths = {int(row[1]) for row in found}
    if dimensions is not None and widths - {dimensions}:
        raise InvalidInput(
            f"The model's vectors have {widths} dimensions, and these have {dimensions}.",
            hint="Give the model another name, or drop its vectors first.",
        )
    width = dimensions or max(widths, default=0)
    from muxi.storage import blocks

    opened = {row[0]: blocks.opened((row[0], row[1], row[2], row[3])) for row in found}
    before = set(opened)
    _place(opened, changes)
    kept: list[dict[str, Any]] = []
    most = max(_FEWEST, _BLOCK // (width + _ENTRY))
    for base, block in opened.items():
        if block:
            for row in blocks.closed(block, base, width, most):
                names = ("base", "dimensions", "numbers", "data")
                kept.append({**dict(zip(names, row, strict=True)), **space})
        elif base in before:
            tx.run(sql.DELETE, base=base, **space)
    tx.run_many(sql.PUT, kept)


def _coded(made: Sequence[tuple[int, Sequence[float]]]) -> dict[int, bytes]:
    if not made:
        return {}
    import numpy as np

    from muxi.storage import blocks

    rows = np.array([vector for _, vector in made], np.float32)
    return dict(zip([number for number, _ in made], blocks.coded(rows), strict=True))


def _place(blocks: dict[int, dict[int, bytes]], changes: Mapping[int, bytes | None]) -> None:
    """Carry out the changes in the block of each, which may be new."""
    bases = sorted(blocks)
    for number in sorted(changes):
        index = bisect_right(bases, number)
        base = bases[index - 1] if index and number - bases[index - 1] <= _REACH else number
        if base not in blocks:
            insort(bases, base)
            blocks[base] = {}
        data = changes[number]
        if data is None:
            blocks[base].pop(number, None)
        else:
            blocks[base][number] = data
