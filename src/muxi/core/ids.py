"""Identifiers that sort by the time they were made. Called wherever a row or an event is born.

The layout is that of ULID (https://github.com/ulid/spec): 48 bits of milliseconds and 80 random
bits, written in Crockford's base 32, here in lower case and behind a prefix that names the kind.
"""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = [high + low for high in _ALPHABET for low in _ALPHABET]
_RANDOM_BITS = 80

_lock = threading.Lock()
_last = 0


def new_id(prefix: str) -> str:
    """A fresh id such as `run_01jd3k...`, greater than every id made before by this process."""
    global _last  # noqa: PLW0603 -- the order of ids is a matter of the whole process
    fresh = time.time_ns() // 1_000_000 << _RANDOM_BITS | int.from_bytes(os.urandom(10))
    with _lock:
        # Two ids of one millisecond, or a clock that steps back, still come out in order.
        _last = value = fresh if fresh > _last else _last + 1
    digits = [_PAIRS[value >> shift & 1023] for shift in range(120, -10, -10)]
    return f"{prefix}_{''.join(digits)}"
