"""Identifiers that sort by the time they were made. Called wherever a row or an event is born.

48 bits of milliseconds and 80 random bits, as in ULID (https://github.com/ulid/spec), written in
hexadecimal, which costs a tenth of base 32, behind a prefix that names the kind.
"""

from __future__ import annotations

import os
import threading
import time

_RANDOM_BITS = 80
_AT_ONCE = 256

_lock = threading.Lock()
_last = 0
_random: list[int] = []
"""Random bits for the next ids: asked of the system for many at once, since each question makes
other threads take their turn."""


def new_id(prefix: str) -> str:
    """A fresh id such as `run_019ab...`, greater than every id made before by this process."""
    global _last  # noqa: PLW0603 -- the order of ids is a matter of the whole process
    with _lock:
        if not _random:
            _draw()
        fresh = time.time_ns() // 1_000_000 << _RANDOM_BITS | _random.pop()
        # Two ids of one millisecond, or a clock that steps back, still come out in order.
        _last = value = fresh if fresh > _last else _last + 1
    return f"{prefix}_{value:032x}"


def _draw() -> None:
    data = os.urandom(10 * _AT_ONCE)
    _random.extend(int.from_bytes(data[at : at + 10]) for at in range(0, len(data), 10))


if hasattr(os, "register_at_fork"):
    # A child that went on with its parent's numbers would make its parent's ids.
    os.register_at_fork(after_in_child=_random.clear)
