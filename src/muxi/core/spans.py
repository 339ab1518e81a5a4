"""Instants and spans of time, as somebody names them.

Used by whatever takes two ends of a span: one that ends before it begins is a mistake, and would
otherwise look like a span in which nothing has happened.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated

from pydantic import AfterValidator

from muxi.core.errors import InvalidInput


def zoned(instant: datetime) -> tuple[datetime, bool]:
    """`instant` in UTC, and whether it had no zone, in which case UTC was assumed."""
    if instant.tzinfo is None or instant.utcoffset() is None:
        return instant.replace(tzinfo=UTC), True
    return instant.astimezone(UTC), False


def _in_utc(instant: datetime) -> datetime:
    try:
        return zoned(instant)[0]
    except OverflowError:
        raise ValueError("no calendar has this instant in UTC") from None


Instant = Annotated[datetime, AfterValidator(_in_utc)]
"""An instant in UTC. One without a zone is taken as UTC's."""


def check_span(
    begin: date | None, end: date | None, *, names: tuple[str, str] = ("since", "until")
) -> None:
    """Raise `InvalidInput` if nothing can lie between `begin` and `end`.

    Args:
        begin: The first instant or day; None if there is none.
        end: The instant before which the span ends, or its last day; None if there is none.
        names: What whoever has named them calls them.
    """
    if begin is None or end is None:
        return
    if end < begin or (end == begin and isinstance(end, datetime)):
        said = f"{names[0]} is {begin.isoformat()}, {names[1]} is {end.isoformat()}"
        raise InvalidInput(f"The span ends before anything can be in it: {said}.")
