"""Days and times in words: what the tool `clock` answers."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

from muxi.tools.builtin.places import Place, find_places, zone_called
from muxi.tools.builtin.time_words import MONTHS, WEEKDAYS, Moment, find_moment

_MAX_ZONES = 12


def tell(now: datetime, zone: str | None, place: str, when: str) -> str:
    """The time and the date at `place`, or of the day that `when` names.

    Args:
        now: The present instant, with a zone.
        zone: The zone that counts when no place is named; None for the machine's own.
        place: City, country, zone or offset; empty for here.
        when: The day in words; empty for now.

    Raises:
        ToolArgumentsInvalid: The place or the day is not known.
    """
    places = find_places(place)
    home = zone_called(zone) if zone else None
    here = [(each, now.astimezone(each.zone or home)) for each in places]
    lines: list[str] = []
    offsets: set[timedelta | None] = set()
    for each, local in here:
        if local.utcoffset() in offsets:
            continue
        offsets.add(local.utcoffset())
        moment = find_moment(when, local)
        lines.append(_line(each, local, moment, alone=len(here) == 1))
    if len({line.rpartition(", ")[0] for line in lines}) > 1 and len(lines) > 1:
        head = f"{place.strip()} has several time zones:"
        return "\n".join([head, *lines[:_MAX_ZONES]])
    return lines[0]


def _line(place: Place, local: datetime, moment: Moment, *, alone: bool) -> str:
    day = f"{WEEKDAYS[moment.at.weekday()]}, {moment.at.day} {MONTHS[moment.at.month - 1]}"
    text = f"{day} {moment.at.year}"
    if moment.has_time:
        text += f", {moment.at:%H:%M}"
    if not moment.is_now and not moment.has_time:
        return f"{text} ({_distance((moment.at.date() - local.date()).days)})"
    where = "" if place.zone is None and alone else f" in {place.label}"
    return f"{text}{where} ({_offset(moment.at, place.zone)})"


def _offset(at: datetime, zone: tzinfo | None) -> str:
    offset = at.utcoffset() or timedelta()
    minutes = int(offset.total_seconds()) // 60
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    text = f"UTC{sign}{hours}" + (f":{rest:02}" if rest else "")
    key = getattr(zone, "key", None)
    return f"{key}, {text}" if key else text


def _distance(days: int) -> str:
    if abs(days) <= 1:
        return ("yesterday", "today", "tomorrow")[days + 1]
    return f"in {days:,} days" if days > 0 else f"{-days:,} days ago"
