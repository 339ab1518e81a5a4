"""A function of a record whose results are kept while the record lives. Used by `wire`, `models`
and `memory` for what they work out of messages and tools.

A conversation is gone through anew with every turn, and its messages do not change. A long one is
looked up without a step of the interpreter for each message. It must never be given a record that
is still being changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Generic, TypeVar
from weakref import ref

from muxi.core.record import Record

K = TypeVar("K", bound=Record)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Calls `make` once for each record. Its results must not be None."""

    __slots__ = ("_alive", "_make", "_results")

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        # Records compare by value and have no hash; so they are known by their address, which is
        # free for another one only after the reference has called back.
        self._results: dict[int, V] = {}
        self._alive: dict[int, ref[K]] = {}

    def __call__(self, record: K) -> V:
        """What was made of `record`."""
        found = self._results.get(id(record))
        return self._first(record) if found is None else found

    def each(self, records: Sequence[K]) -> list[V]:
        """What was made of each of `records`, in their order."""
        found = list(map(self._results.get, map(id, records)))
        if None in found:
            found = list(map(self, records))
        return found  # pyright: ignore[reportReturnType] -- None is no result

    def _first(self, record: K) -> V:
        made = self._make(record)
        key = id(record)
        self._alive[key] = ref(record, partial(_forget, self._alive, self._results, key))
        self._results[key] = made
        return made


def _forget(alive: dict[int, ref[K]], results: dict[int, V], key: int, dead: ref[K]) -> None:
    if alive.get(key) is dead:
        del alive[key], results[key]
