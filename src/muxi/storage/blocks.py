"""Vectors as they stand in rows: a byte for each of their numbers, and many vectors in a row.

Called by `vectors` and `shared_vectors` where there are vectors, because of numpy. A vector's
numbers are whole ones from -127 to 127, times a scale of its own. Rows that were written before
hold 16-bit floats: they are read like the others, and written anew when one of them changes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ENTRY = np.dtype([("offset", "<i4"), ("scale", "<f4")])
_SCALE = 4
"""Bytes before the numbers of a vector that stands alone."""
_MOST = 127

Row = tuple[int, int, bytes, bytes]
"""Base, dimensions, entries (offset of a passage and scale of its vector), numbers."""


class Vectors(NamedTuple):
    """The vectors of many passages, as they are stored."""

    numbers: NDArray[np.int64]
    codes: NDArray[np.int8]
    """A row for each passage."""
    scales: NDArray[np.float32]
    """What the row of a passage is multiplied by."""


def coded(rows: NDArray[np.float32]) -> list[bytes]:
    """Each row as bytes: its scale, then its numbers."""
    rows = np.nan_to_num(rows, posinf=0.0, neginf=0.0)
    scales = np.abs(rows).max(axis=1, initial=0.0) / _MOST
    made = np.zeros(len(rows), [("scale", "<f4"), ("codes", "i1", (rows.shape[1],))])
    made["scale"] = scales
    made["codes"] = np.rint(rows / np.where(scales > 0, scales, 1)[:, None])
    return [one.tobytes() for one in made]


def decoded(data: bytes) -> list[float]:
    """The numbers of a vector that `coded` or `opened` gave."""
    scale = struct.unpack_from("<f", data)[0]
    return [code * scale for code in struct.unpack_from(f"{len(data) - _SCALE}b", data, _SCALE)]


def read(rows: Sequence[Row]) -> Vectors:
    """All vectors of these rows, ascending by number."""
    current = [_renewed(row) for row in rows]
    entries = np.frombuffer(b"".join([packed for *_, packed, _ in current]), _ENTRY)
    counts = [len(packed) // _ENTRY.itemsize for *_, packed, _ in current]
    numbers = np.repeat(np.array([row[0] for row in current], np.int64), counts)
    numbers += entries["offset"]
    codes = np.frombuffer(b"".join([row[3] for row in current]), np.int8)
    codes = codes.reshape(len(numbers), -1) if len(numbers) else codes.reshape(0, 0)
    scales = entries["scale"].astype(np.float32)
    if len(numbers) > 1 and not bool((numbers[1:] > numbers[:-1]).all()):
        order = np.argsort(numbers)
        return Vectors(numbers[order], codes[order], scales[order])
    return Vectors(numbers, codes, scales)


def opened(row: Row) -> dict[int, bytes]:
    """The vectors of one row by their passages, in the form of `coded`."""
    base, dimensions, packed, data = _renewed(row)
    found: dict[int, bytes] = {}
    for at in range(len(packed) // _ENTRY.itemsize):
        entry = packed[at * _ENTRY.itemsize : (at + 1) * _ENTRY.itemsize]
        number = base + struct.unpack_from("<i", entry)[0]
        found[number] = entry[-_SCALE:] + data[at * dimensions : (at + 1) * dimensions]
    return found


def closed(vectors: Mapping[int, bytes], base: int, dimensions: int, most: int) -> Iterator[Row]:
    """The rows that hold these vectors, of which there is at least one, `most` in each."""
    numbers = sorted(vectors)
    for start in range(0, len(numbers), most):
        some = numbers[start : start + most]
        at = some[0] if start else base
        entries = [struct.pack("<i", n - at) + vectors[n][:_SCALE] for n in some]
        codes = [vectors[number][_SCALE:] for number in some]
        yield at, dimensions, b"".join(entries), b"".join(codes)


def _renewed(row: Row) -> Row:
    """The row in the form of today."""
    base, dimensions, packed, data = row
    if len(data) * _ENTRY.itemsize == len(packed) * dimensions:
        return row
    offsets = struct.unpack(f"<{len(packed) // 4}i", packed)
    halves = np.frombuffer(data, "<f2").reshape(len(offsets), dimensions)
    vectors = dict(zip(offsets, coded(halves.astype(np.float32)), strict=True))
    _, _, entries, codes = next(closed(vectors, 0, dimensions, len(vectors)))
    return base, dimensions, entries, codes
