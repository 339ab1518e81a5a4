"""The periods of budgets: which hour, day or month an instant lies in, in a declared time zone.

Called by the ledger. Days last 23 to 25 hours where clocks are set, and begin later where a zone
skips midnight.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from muxi.core.budgets import Period, zone

_MICROS = 1_000_000


def span_of(every: Period, time_zone: str, at: int) -> tuple[int, int]:
    """Begin and end of the period around `at`, in microseconds since 1970; the end lies outside."""
    place = zone(time_zone)
    local = datetime.fromtimestamp(at / _MICROS, place)
    if every == "hour":
        # Counted from the instant itself, so that an hour that clocks repeat is two.
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        begin = at - into // timedelta(microseconds=1)
        return begin, begin + 3_600 * _MICROS
    first = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if every == "day":
        following = first + timedelta(days=1)
    else:
        first = first.replace(day=1)
        following = (first + timedelta(days=32)).replace(day=1)
    return _micros(first), _micros(following)


def _micros(local: datetime) -> int:
    return round(local.timestamp() * _MICROS)
