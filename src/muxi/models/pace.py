"""How far an event loop is behind, and how long readers of answers leave pieces together for that.

Held by `endpoint`, asked by `exchange` between two pieces of an answer. A thousand answers that
stream at once can take more than a processor when each word is an event of its own; words that were
left to wait for each other for a moment are one event. It never holds back the first piece of an
answer, nor anything while the loop keeps up.
"""

from __future__ import annotations

import asyncio

_EVERY = 0.05
"""Seconds between two looks at the loop, while answers stream."""
_SHARE = 0.3
"""Of the newest look in what is known."""
_FREE = 0.01
"""Seconds of delay that any loop has now and then."""
_TIMES = 4.0
"""The pause is so much longer than the delay."""
_LONGEST = 0.15
"""Seconds; with the delay that leads to it, less than a reader takes for a stop."""


class Pace:
    """The delay of one event loop, known while answers stream in it."""

    __slots__ = ("_answers", "_due", "_late", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._answers = 0
        self._late = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pause(self) -> float:
        """Seconds for which a reader leaves what comes next to wait; 0 as long as all is well."""
        behind = self._late - _FREE
        return min(_LONGEST, _TIMES * behind) if behind > 0.0 else 0.0

    def begin(self) -> None:
        """An answer streams from now on."""
        self._answers += 1
        if self._timer is None:
            self._wait()

    def end(self) -> None:
        """An answer streams no more."""
        self._answers -= 1

    def _wait(self) -> None:
        self._due = self._loop.time() + _EVERY
        self._timer = self._loop.call_at(self._due, self._look)

    def _look(self) -> None:
        late = max(0.0, self._loop.time() - self._due)
        self._late += _SHARE * (late - self._late)
        if self._answers:
            self._wait()
        else:
            self._timer, self._late = None, 0.0
