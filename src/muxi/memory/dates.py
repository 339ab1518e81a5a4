"""Instants as people and programs hand them in. Called by `facts` and by what extracts facts.

A date without a zone is taken as UTC, and that is said.
"""

from __future__ import annotations

from datetime import date, datetime, time

from muxi.core.errors import InvalidInput
from muxi.core.spans import zoned

When = datetime | date | str


def read_date(value: When, notes: list[str] | None = None) -> datetime:
    """`value`, which may be ISO 8601 text or a day, as an instant in UTC.

    Args:
        value: When.
        notes: Where to say that a zone was assumed.

    Raises:
        InvalidInput: It is no date, or one that no calendar of ours holds in UTC.
    """
    try:
        instant, assumed = zoned(_parsed(value))
    except (ValueError, OverflowError):
        raise InvalidInput(
            f"{str(value)[:60]!r} is no date.",
            hint="Write it as in 2026-03-01 or 2026-03-01T12:00:00Z.",
        ) from None
    if assumed and notes is not None:
        note = f"{value} names no zone and was taken as UTC."
        if note not in notes and len(notes) < _MOST_NOTES:
            notes.append(note)
    return instant


_MOST_NOTES = 20


def _parsed(value: When) -> datetime:
    if isinstance(value, str):
        return datetime.fromisoformat(value.strip())
    if isinstance(value, datetime):
        return value
    return datetime.combine(value, time())
