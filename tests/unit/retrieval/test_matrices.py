from __future__ import annotations

import time

import numpy as np
import pytest

from muxi.retrieval import matrices
from muxi.retrieval.matrices import Key, Matrices, Matrix
from muxi.storage.blocks import Vectors


def key(owner: str = "user:a", kind: str = "turn") -> Key:
    return ("t", owner, "memory", "model", kind)


def made(count: int = 4, width: int = 8) -> Matrix:
    codes = np.full((count, width), 127, np.int8)
    scales = np.full(count, 1 / 127, np.float32)
    return Matrix(Vectors(np.arange(count), codes, scales), time.monotonic())


def size(one: Matrix) -> int:
    return 0 if one.vectors is None else len(one.vectors.numbers)


def test_a_matrix_is_read_once_until_its_owner_changes() -> None:
    kept, reads = Matrices(), 0

    def read() -> Matrix:
        nonlocal reads
        reads += 1
        return made()

    for _ in range(3):
        kept.get(key(), read)
    assert reads == 1
    kept.drop("t", "user:b")
    kept.get(key(), read)
    assert reads == 1
    kept.drop("t", "user:a")
    kept.get(key(), read)
    assert reads == 2
    kept.clear()
    kept.get(key(), read)
    assert reads == 3


def test_what_changed_while_it_was_read_is_not_kept() -> None:
    kept = Matrices()

    def read() -> Matrix:
        kept.drop("t", "user:a")
        return made()

    kept.get(key(), read)
    assert kept.bytes == 0


def test_the_least_used_make_room() -> None:
    weight = made(100, 64).weight
    kept = Matrices(max_bytes=int(2.5 * weight))
    for owner in ("user:a", "user:b", "user:a", "user:c"):
        kept.get(key(owner), lambda: made(100, 64))
    assert kept.bytes == 2 * weight

    def unexpected() -> Matrix:
        raise AssertionError("was thrown out")

    kept.get(key("user:a"), unexpected)
    with pytest.raises(AssertionError, match="thrown"):
        kept.get(key("user:b"), unexpected)


def test_what_is_larger_than_all_room_is_used_and_not_kept() -> None:
    kept = Matrices(max_bytes=100)
    assert size(kept.get(key(), made)) == 4
    assert kept.bytes == 0


def test_what_was_read_long_ago_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Matrices()
    kept.get(key(), lambda: made(1))
    monkeypatch.setattr(matrices, "STALE", 0.0)
    assert size(kept.get(key(), lambda: made(2))) == 2


def test_all_rows_are_compared_however_many_there_are() -> None:
    source = np.random.default_rng(1)
    for count in (1, 255, 256, 257, 1000):
        codes = source.integers(-127, 128, (count, 16)).astype(np.int8)
        scales = source.random(count).astype(np.float32)
        question = source.standard_normal(16).astype(np.float32)
        found = Matrix(Vectors(np.arange(count), codes, scales), 0.0).similar(question)
        assert found is not None
        expected = (codes * scales[:, None]) @ question
        assert np.allclose(found.cosines, expected, rtol=1e-4, atol=1e-3)


def test_nothing_is_compared_with_no_vectors_or_with_those_of_other_dimensions() -> None:
    assert Matrix(None, 0.0).similar(np.ones(4, dtype=np.float32)) is None
    assert made(3, 8).similar(np.ones(4, dtype=np.float32)) is None
