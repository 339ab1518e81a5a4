"""Passages as earlier versions have stored them: read, changed and removed like those of today."""

from __future__ import annotations

import struct
from functools import partial

import pytest

from muxi.storage import passages
from muxi.storage.sql import passages as passages_sql
from muxi.storage.sql import vectors as vectors_sql
from muxi.storage.transaction import Database, Tx
from muxi.testing.storage.passages import (
    MODEL,
    OWN,
    a_passage,
    a_vector,
    expected_scores,
    put_vectors,
    scan,
)
from muxi.testing.storage.samples import ANN


class EarlierRowConformance:
    """What was stored before."""

    async def test_words_that_were_stored_with_their_repeats_are_taken_out_again(
        self, database: Database
    ) -> None:
        def told_as_before(tx: Tx) -> int:
            (number,) = passages.add(tx, OWN, [a_passage("mem_1")])
            passages.set_words(tx, OWN, number, ["tea", "milk", "tea"])
            tx.run_many(
                passages_sql.SET_WORDS, [{"owner": OWN, "at": number, "words": "tea milk tea"}]
            )
            return number

        number = await database.write(ANN, told_as_before)
        await database.write(ANN, lambda tx: passages.set_words(tx, OWN, number, ["milk"]))
        hits = partial(passages.match, owners=[OWN], corpus="memory")
        assert await database.read(ANN, lambda tx: hits(tx, terms=["tea"])) == []
        expected = expected_scores({number: ["milk"]}, ["milk"])
        found = await database.read(ANN, lambda tx: hits(tx, terms=["milk"]))
        assert dict(found) == pytest.approx(dict(expected))

    async def test_vectors_that_were_stored_as_16_bit_floats_are_read_and_changed(
        self, database: Database
    ) -> None:
        rows = [a_passage(f"mem_{at}") for at in range(40)]
        numbers = await database.write(ANN, lambda tx: passages.add(tx, OWN, rows))
        made = {number: a_vector(number) for number in numbers}
        earlier, later = list(made.items())[:32], list(made.items())[32:]

        def put_as_before(tx: Tx) -> None:
            put_vectors(tx, earlier[:1])
            base, values = numbers[0], [value for _, vector in earlier for value in vector]
            row = {
                "base": base,
                "dimensions": 2,
                "numbers": struct.pack("<32i", *(number - base for number, _ in earlier)),
                "data": struct.pack("<64e", *values),
            }
            space = {"owner": OWN, "corpus": "memory", "model": MODEL, "kind": "turn"}
            tx.run_many(vectors_sql.PUT, [{**row, **space}])
            marks = [{"number": number, **space} for number, _ in earlier]
            tx.run_many(vectors_sql.MARK, marks)

        await database.write(ANN, put_as_before)
        assert await database.read(ANN, scan) == dict(earlier)
        await database.write(ANN, lambda tx: put_vectors(tx, later))
        assert await database.read(ANN, scan) == made
        await database.write(ANN, lambda tx: passages.remove(tx, OWN, numbers[:10]))
        assert list(await database.read(ANN, scan)) == numbers[10:]
