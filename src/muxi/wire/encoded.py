"""Values into JSON bytes, each only once while it lives. Used by all formats of this room.

A conversation is sent anew with every turn, and its messages do not change; so what a message
became in a format is kept as long as the message itself. Messages must not be changed once sent.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Generic, TypeVar
from weakref import ref

import msgspec

from muxi.core.record import Record
from muxi.wire.json_text import cleaned

K = TypeVar("K", bound=Record)
V = TypeVar("V")

_encode = msgspec.json.Encoder().encode


def to_json(value: Any) -> bytes:
    """`value` as JSON in UTF-8; lone surrogates, wherever they are, become U+FFFD."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return _encode(cleaned(value))


class Once(Generic[K, V]):
    """A function of a record whose results are kept while the record lives.

    Each format keeps one for each way in which it writes messages, and one for tools.
    """

    __slots__ = ("_make", "_results")

    def __init__(self, make: Callable[[K], V]) -> None:
        self._make = make
        self._results: dict[int, tuple[ref[K], V]] = {}

    def __call__(self, record: K) -> V:
        key = id(record)
        found = self._results.get(key)
        if found is not None and found[0]() is record:
            return found[1]
        value = self._make(record)
        # Records compare by value and have no hash; so they are known by their address, which is
        # free for another one as soon as the reference calls back.
        self._results[key] = (ref(record, partial(_forget, self._results, key)), value)
        return value


def _forget(results: dict[int, tuple[ref[K], V]], key: int, dead: ref[K]) -> None:
    found = results.get(key)
    if found is not None and found[0] is dead:
        del results[key]
