"""Pages of what is listed whole, and cursors that tell a client nothing. Used by `handlers`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Final, TypeVar

from pydantic import JsonValue

from muxi.core.errors import InvalidInput

T = TypeVar("T")

PAGE: Final = 100
"""Items of one page."""


def page(items: Sequence[T], cursor: str | None) -> tuple[Sequence[T], str | None]:
    """The items after `cursor`, and the cursor of those after them.

    Raises:
        InvalidInput: `cursor` was not given out by this function.
    """
    start = 0 if cursor is None else opened(cursor)
    if not isinstance(start, int) or not 0 <= start <= len(items):
        raise unknown()
    end = start + PAGE
    return items[start:end], sealed(end) if end < len(items) else None


def sealed(place: JsonValue) -> str:
    """A cursor for `place`."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def opened(cursor: str) -> JsonValue:
    """The place of a cursor. Raises `InvalidInput`."""
    try:
        return json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError):
        raise unknown() from None


def unknown() -> InvalidInput:
    """The error of a cursor that was not given out here."""
    return InvalidInput("The cursor is unknown.", hint="List from the beginning.")
