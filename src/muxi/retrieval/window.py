"""A turn together with what was said around it: the unit of text that is indexed.

Called by those who store conversations. What answers a question often stands a line below the words
that the question repeats. Names are left out: who speaks is weighed apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from muxi.retrieval.words import words

BEFORE: Final = 2
AFTER: Final = 1
_PAUSE: Final = timedelta(hours=4)
"""Silence after which a conversation begins anew."""
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_LONGEST_NEIGHBOUR: Final = 2_000
"""Characters of a turn that are lent to those beside it."""


class Turn(Protocol):
    """One turn of a conversation, as far as a window looks."""

    @property
    def text(self) -> str: ...
    @property
    def said_at(self) -> datetime | None: ...
    @property
    def session(self) -> str | None:
        """What belongs together: a thread, a meeting."""
        ...


def window_text(turns: Sequence[Turn], at: int) -> str:
    """The turn at `at` with up to two before it and one after it, a line each, each with its date.

    It never reaches across the edge of a session. Pass at least the neighbours; more do no harm.
    """
    return "\n".join(f"{_date(turn)}{text}" for turn, text in _lines(turns, at))


def window_words(turns: Sequence[Turn], at: int) -> list[str]:
    """The words that the turn at `at` is found by: those of its window, its own counted twice, so
    that of turns that share their words the one that said them comes first."""
    return [*words(window_text(turns, at)), *words(turns[at].text)]


def plain_window(turns: Sequence[Turn], at: int) -> str:
    """The same lines without their dates, which would draw vectors together: what is embedded of a
    window."""
    return "\n".join(text for _, text in _lines(turns, at))


def _lines(turns: Sequence[Turn], at: int) -> list[tuple[Turn, str]]:
    first = last = at
    while first > max(at - BEFORE, 0) and _together(turns[first - 1], turns[first]):
        first -= 1
    while last < min(at + AFTER, len(turns) - 1) and _together(turns[last], turns[last + 1]):
        last += 1
    return [
        (turns[i], turns[i].text if i == at else turns[i].text[:_LONGEST_NEIGHBOUR])
        for i in range(first, last + 1)
    ]


def _together(earlier: Turn, later: Turn) -> bool:
    if earlier.session != later.session:
        return False
    if earlier.said_at is None or later.said_at is None:
        return True
    try:
        return abs(later.said_at - earlier.said_at) <= _PAUSE
    except TypeError:
        # One bears a zone and the other does not: nothing is known of the time between.
        return True


def _date(turn: Turn) -> str:
    said = turn.said_at
    return f"{said.day:02d} {_MONTHS[said.month - 1]} {said.year}: " if said else ""
