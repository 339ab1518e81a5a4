"""How often somebody may guess a password. Asked by `sessions` before each try.

Counted in this process only: a second one doubles what a guesser may do, which is still nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from muxi.core.errors import AccessDenied

_SPAN: Final = 300.0
"""Seconds after which failures are forgotten."""
_MOST: Final = 10_000
"""Names and addresses that are remembered; the oldest go first."""

OF_PAIR: Final = 5
"""Failures of one address at one user."""
OF_ADDRESS: Final = 30
"""Failures of one address at any user."""
OF_USER: Final = 100
"""Failures at one user from anywhere: many, or a stranger could lock the user out."""


class Attempts:
    """Failures of the last minutes, by user, by address and by both."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[tuple[str, ...], tuple[int, float]] = {}

    def check(self, user: str, address: str) -> None:
        """Raises `AccessDenied` if there were too many failures."""
        for key, most in _bounds(user, address):
            count, since = self._failures.get(key, (0, 0.0))
            if count >= most and self._clock() - since < _SPAN:
                raise AccessDenied(
                    "There were too many attempts to sign in.", hint="Wait some minutes."
                )

    def failed(self, user: str, address: str) -> None:
        """Remember a failure."""
        now = self._clock()
        for key, _ in _bounds(user, address):
            count, since = self._failures.pop(key, (0, now))
            self._failures[key] = (count + 1, since) if now - since < _SPAN else (1, now)
        while len(self._failures) > _MOST:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, user: str, address: str) -> None:
        """Forget the failures of this address at this user."""
        self._failures.pop(("pair", user, address), None)


def _bounds(user: str, address: str) -> tuple[tuple[tuple[str, ...], int], ...]:
    return (
        (("pair", user, address), OF_PAIR),
        (("address", address), OF_ADDRESS),
        (("user", user), OF_USER),
    )
