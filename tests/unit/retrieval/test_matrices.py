from __future__ import annotations

import numpy as np
import pytest

from muxi.retrieval import matrices
from muxi.retrieval.matrices import Key, Matrices, Matrix, matrix


def key(owner: str = "user:a", kind: str = "turn") -> Key:
    return ("t", owner, "memory", "model", kind)


def made(count: int = 4, width: int = 8) -> Matrix:
    rows = np.ones((count, width), dtype="<f2")
    return matrix(list(range(count)), rows.tobytes())


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
    assert len(kept.get(key(), made).numbers) == 4
    assert kept.bytes == 0


def test_what_was_read_long_ago_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Matrices()
    kept.get(key(), lambda: made(1))
    monkeypatch.setattr(matrices, "STALE", 0.0)
    assert len(kept.get(key(), lambda: made(2)).numbers) == 2


def test_rows_are_ascending_by_number() -> None:
    data = np.array([[1, 0], [0, 1]], dtype="<f2").tobytes()
    both = matrix([9, 3], data)
    assert both.numbers.tolist() == [3, 9]
    assert both.similar(np.array([1, 0], dtype=np.float32)).cosines.tolist() == [0, 1]


def test_no_vectors_are_no_similarity() -> None:
    assert len(matrix([], b"").similar(np.ones(4, dtype=np.float32)).cosines) == 0


def test_every_number_of_sixteen_bits_is_read_as_it_is() -> None:
    halves = np.arange(1 << 16, dtype=np.uint16).view("<f2")
    halves = halves[np.isfinite(halves)]
    rows = matrix(list(range(len(halves))), halves.tobytes()).rows
    assert rows.dtype == np.float32
    assert (rows[:, 0] == halves.astype(np.float32)).all()
