"""What is wanted of the task that owns a connection, and when it tries again.

Used by `connection`.
"""

from __future__ import annotations

import asyncio
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Order = Literal["restart", "reconnect", "list", "probe"]

FIRST_DELAY: Final = 0.5
LONGEST_DELAY: Final = 60.0
GIVE_UP: Final = 5
"""Failures in a row after which a server is left alone until somebody needs it."""


@dataclass(eq=False)
class Orders:
    """What is to be done, for one task that waits for it."""

    _given: set[Order] = field(default_factory=set[Order])
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __contains__(self, order: Order) -> bool:
        return order in self._given

    def give(self, order: Order) -> None:
        """Wake the task that waits."""
        self._given.add(order)
        self._news.set()

    def take(self) -> set[Order]:
        """All that were given; they are forgotten."""
        taken, self._given = self._given, set()
        self._news.clear()
        return taken

    def drop(self, order: Order) -> None:
        """Forget one that is done already."""
        self._given.discard(order)

    async def wait(self, seconds: float, *others: asyncio.Task[Any]) -> None:
        """Return when an order is given, another task has ended, or the time is over."""
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait({news, *others}, timeout=seconds, return_when="FIRST_COMPLETED")
        finally:
            news.cancel()
            with suppress(asyncio.CancelledError):
                await news
        self._news.clear()


@dataclass(eq=False)
class Retries:
    """When a server that failed is tried again: later and later, with some chance in it."""

    in_a_row: int = 0
    _at: float = 0.0

    @property
    def left(self) -> float:
        """Seconds until the next attempt."""
        return max(0.0, self._at - time.monotonic())

    @property
    def given_up(self) -> bool:
        """Whether it failed so often that it is left alone."""
        return self.in_a_row >= GIVE_UP

    def failed(self, *, steady: bool, final: bool) -> None:
        """Plan the next attempt.

        Args:
            steady: The connection had held long enough for what was before to be forgotten.
            final: Trying again will not help.
        """
        self.in_a_row = 1 if steady else self.in_a_row + 1
        if final:
            self.in_a_row = max(self.in_a_row, GIVE_UP)
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (self.in_a_row - 1))
        self._at = time.monotonic() + delay * random.uniform(0.5, 1.0)

    def now(self) -> None:
        """The next attempt is due."""
        self._at = 0.0

    def forget(self) -> None:
        """Begin as if nothing had failed."""
        self.in_a_row = 0
        self._at = 0.0
