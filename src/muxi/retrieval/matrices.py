"""The vectors of owners that are searched, as matrices in memory, within a bound. Used by `search`.

What is kept may be behind what is stored: whoever writes calls `drop`, and another node's writes
are noticed after `STALE` seconds. A number whose passage is gone finds nothing, since passages
themselves are always read from the database.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from muxi.retrieval.ranking import Similar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from muxi.storage.blocks import Vectors

STALE: Final = 60.0

_AT_ONCE: Final = 256
"""Vectors that are widened before they are compared: what they then take stays in the cache of a
core."""

Key = tuple[str, str, str, str, str]
"""Tenant, owner, corpus, model and kind of vector."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """One owner's vectors of one kind, ascending by number of passage."""

    vectors: Vectors | None
    read_at: float

    @property
    def weight(self) -> int:
        """Bytes in memory."""
        return 500 + (0 if self.vectors is None else sum(part.nbytes for part in self.vectors))

    def similar(self, vector: NDArray[np.float32]) -> Similar | None:
        """Cosines with a unit vector; None where there is nothing to be compared with it."""
        import numpy as np

        # A model may have been asked for shorter vectors than those that are stored.
        if self.vectors is None or self.vectors.codes.shape[1] != len(vector):
            return None
        numbers, codes, scales = self.vectors
        cosines = np.empty(len(numbers), np.float32)
        wide = np.empty((min(len(numbers), _AT_ONCE), len(vector)), np.float32)
        for start in range(0, len(numbers), _AT_ONCE):
            some = codes[start : start + _AT_ONCE]
            rows = wide[: len(some)]
            rows[:] = some
            # A product for each row: for one of the whole matrix BLAS wakes threads, which on a
            # busy machine take thirty times as long.
            products = np.matmul(rows[:, None, :], vector[:, None])
            cosines[start : start + _AT_ONCE] = products[:, 0, 0]
        cosines *= scales
        return Similar(numbers, cosines)


class Matrices:
    """The matrices in use; the least recently used ones go first. Safe from any thread.

    Args:
        max_bytes: What all of them may take together.
    """

    def __init__(self, max_bytes: int = 128 << 20) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, Matrix] = OrderedDict()
        self._bytes = 0
        self._changes: dict[tuple[str, str], int] = {}
        self._all_changes = 0

    def get(self, key: Key, read: Callable[[], Matrix]) -> Matrix:
        """The matrix of `key`, read by `read` if it is not here or was read long ago."""
        with self._lock:
            known = self._kept.get(key)
            if known is not None and time.monotonic() - known.read_at < STALE:
                self._kept.move_to_end(key)
                return known
            before = self._version(key)
        fresh = read()
        with self._lock:
            # What was written while it was read may be missing in it.
            if self._version(key) == before:
                self._put(key, fresh)
        return fresh

    def drop(self, tenant: str, owner: str) -> None:
        """The owner's vectors have changed, or are forgotten."""
        with self._lock:
            if len(self._changes) > 10_000:
                self._changes.clear()
                self._all_changes += 1
            self._changes[tenant, owner] = self._changes.get((tenant, owner), 0) + 1
            for key in [key for key in self._kept if key[:2] == (tenant, owner)]:
                self._bytes -= self._kept.pop(key).weight

    def clear(self) -> None:
        """Forget all of them."""
        with self._lock:
            self._all_changes += 1
            self._kept.clear()
            self._bytes = 0

    @property
    def bytes(self) -> int:
        """What all of them take now."""
        return self._bytes

    def _version(self, key: Key) -> tuple[int, int]:
        return self._all_changes, self._changes.get(key[:2], 0)

    def _put(self, key: Key, fresh: Matrix) -> None:
        old = self._kept.pop(key, None)
        if old is not None:
            self._bytes -= old.weight
        if fresh.weight > self._max_bytes:
            return
        self._kept[key] = fresh
        self._bytes += fresh.weight
        while self._bytes > self._max_bytes:
            _, oldest = self._kept.popitem(last=False)
            self._bytes -= oldest.weight
