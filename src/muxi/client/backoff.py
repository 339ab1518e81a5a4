"""How long to wait before the next attempt at a connection. Used by what reconnects.

Each wait is random up to a bound that doubles: clients that lost one server come back spread over
time, and not all at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

FIRST = 0.1
LONGEST = 5.0


class Backoff:
    """The waits between attempts, until one succeeds.

    Args:
        first: Bound of the first wait in seconds.
        longest: Bound of the longest one.
        chance: A number from 0 to 1.
    """

    def __init__(
        self,
        *,
        first: float = FIRST,
        longest: float = LONGEST,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._first = first
        self._longest = longest
        self._chance = chance
        self._bound = first

    def next(self) -> float:
        """Seconds to wait now: never less than half of the bound."""
        bound, self._bound = self._bound, min(self._bound * 2, self._longest)
        return bound * (0.5 + self._chance() / 2)

    def succeeded(self) -> None:
        """Begin anew."""
        self._bound = self._first
