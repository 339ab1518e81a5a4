"""Pages of lists that are short enough to be made whole: part after part of them by a cursor.

Used by the resource files whose service gives everything at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from pydantic import Field

from muxi.core.errors import InvalidInput
from muxi.core.pages import Page
from muxi.runtime.cursors import cursor, place
from muxi.server.operations import Strict

T = TypeVar("T")


class WholeQuery(Strict):
    """Of a list that most who ask want whole."""

    cursor: str | None = Field(None, max_length=1_000)
    limit: int = Field(500, ge=1, le=500)


def page_of(items: Sequence[T], query: WholeQuery, key: Callable[[T], str]) -> Page[T]:
    """The items that follow those of the page before.

    Args:
        items: All of them, in their order.
        query: Which page.
        key: What an item is known by. The page begins behind the item that was last, wherever it
            is now; if it is gone, where it was.

    Raises:
        InvalidInput: The cursor is none of this list's.
    """
    start = 0 if query.cursor is None else _start(items, query.cursor, key)
    some = list(items[start : start + query.limit])
    end = start + len(some)
    rest = cursor(end, key(some[-1])) if some and end < len(items) else None
    return Page[T](items=some, next=rest)


def _start(items: Sequence[T], text: str, key: Callable[[T], str]) -> int:
    position, last = place(text, 2)
    if not position.isdecimal() or len(position) > 9:
        raise InvalidInput("This cursor was not given by this list.")
    known = (number for number, item in enumerate(items, 1) if key(item) == last)
    return next(known, int(position) - 1)
