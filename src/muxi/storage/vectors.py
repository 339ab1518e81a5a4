"""Vectors of passages, by the model that made them. Called by `passages`, `memory`, `retrieval`.

A vector is its numbers as 16-bit floats, little endian, of length 1. One owner's vectors of a model
lie together, so that comparing a question with all of them is one read. Nothing here computes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from muxi.core.errors import InvalidInput
from muxi.storage.owners import owned
from muxi.storage.records import column, listed
from muxi.storage.sql import vectors as sql
from muxi.storage.transaction import Tx


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
    made: Sequence[tuple[int, bytes]],
    dimensions: int,
) -> int:
    """Store vectors of an owner's passages, in place of earlier ones; how many were stored.

    Passages that are gone, or are not of this owner and corpus, are passed over.

    Raises:
        InvalidInput: A vector has not the dimensions that are said.
    """
    if any(len(data) != 2 * dimensions for _, data in made):
        raise InvalidInput(f"A vector of {dimensions} dimensions has {2 * dimensions} bytes.")
    name = owned(tx, owner)
    numbers = listed(tx.dialect, [number for number, _ in made])
    known = {number for (number,) in tx.rows(sql.KNOWN, owner=name, corpus=corpus, numbers=numbers)}
    kept = [
        {
            "owner": name,
            "corpus": corpus,
            "model": column(model),
            "kind": kind,
            "number": number,
            "dimensions": dimensions,
            "data": data,
        }
        for number, data in made
        if number in known
    ]
    tx.run_many(sql.PUT, kept)
    return len(kept)


def scan(tx: Tx, owner: str, corpus: str, model: str, kind: str) -> tuple[list[int], bytes]:
    """Numbers of all passages that have a vector, and the vectors, one after the other."""
    rows = tx.rows(sql.SCAN, owner=owned(tx, owner), corpus=corpus, model=column(model), kind=kind)
    return [number for number, _ in rows], b"".join([data for _, data in rows])


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
    rows = tx.rows(sql.OF_MODEL, model=name, after=after, limit=limit)
    if not rows:
        return None
    # Both kinds of the last passage go together, wherever the limit fell.
    numbers = listed(tx.dialect, [number for (number,) in rows])
    tx.run(sql.DROP, model=name, numbers=numbers)
    return int(rows[-1][0])


def remove(tx: Tx, owner: str, numbers: Iterable[int]) -> None:
    """Remove all vectors of these passages of the owner."""
    tx.run(sql.REMOVE, owner=owned(tx, owner), numbers=listed(tx.dialect, numbers))
