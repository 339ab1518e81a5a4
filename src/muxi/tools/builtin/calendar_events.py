"""Events of a calendar (RFC 5545) to text and back. Called by the tools `calendar`.

What repeats is listed one by one. Not every server takes repetitions apart, so those that it left
whole are taken apart here, by dateutil's rules. That may take a while: it is done on a thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any, Final

from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.json_shapes import is_array
from muxi.core.record import now as utc_now
from muxi.tools.foreign_text import one_line

_MOST_REPEATS: Final = 100_000
"""Repetitions that are counted from the first one on: daily for 270 years."""
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 3000
"""What people plan for; beyond it some arithmetic of dates ends."""
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happens, at one time."""

    start: datetime
    """With its zone; of a whole day, its beginning here."""
    end: datetime
    whole_days: bool
    title: str
    location: str
    repeats: bool


@dataclass(frozen=True, slots=True)
class Zone:
    """Where times without a zone are meant: an IANA zone, or what the machine goes by."""

    info: tzinfo | None

    def here(self, moment: datetime) -> datetime:
        """The moment as it is called here."""
        return moment.astimezone(self.info)

    def at(self, moment: datetime) -> datetime:
        """A moment with its zone; one without is taken for one here."""
        if moment.tzinfo is not None:
            return moment
        return moment.replace(tzinfo=self.info) if self.info else moment.astimezone()

    def begins(self, day: date) -> datetime:
        """The beginning of a day here."""
        return self.at(datetime.combine(day, time()))

    def read(self, text: str, what: str) -> tuple[datetime, bool]:
        """What a model wrote for a time, and whether it is a whole day.

        Raises:
            ToolArgumentsInvalid: It is neither a date nor a date with a time.
        """
        words = text.strip()
        whole_day = re.fullmatch(r"\d{4}-\d{2}-\d{2}", words) is not None
        try:
            moment = self.at(datetime.fromisoformat(words))
            if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
                raise ValueError(words)
        except (ValueError, OverflowError):
            raise ToolArgumentsInvalid(
                f"`{what}` is `{text[:40]}`; write it like 2026-11-24T10:00, or 2026-11-24 for a"
                " whole day."
            ) from None
        return moment, whole_day


def parse(text: str) -> Any:
    """A stored object as icalendar reads it.

    Raises:
        ToolArgumentsInvalid: It is no calendar.
    """
    from icalendar import Calendar

    try:
        return Calendar.from_ical(text)
    except (ValueError, KeyError, IndexError) as error:
        raise ToolArgumentsInvalid("The event is stored in a form that cannot be read.") from error


def events_in(text: str, since: datetime, until: datetime, zone: Zone) -> list[Event]:
    """What of a stored object happens between two moments, in any order.

    A part that cannot be read is left out: one broken event must not hide the others.
    """
    try:
        parts = list(parse(text).walk("VEVENT"))
    except ToolArgumentsInvalid:
        return []
    moved = {_moment(part["RECURRENCE-ID"].dt, zone) for part in parts if part.get("RECURRENCE-ID")}
    found: list[Event] = []
    for part in parts:
        try:
            found += [
                event
                for event in _taken_apart(part, since, until, zone, moved)
                if event.start < until and (event.end > since or event.start >= since)
            ]
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
            continue
    return found


def _taken_apart(
    part: Any, since: datetime, until: datetime, zone: Zone, moved: set[datetime]
) -> Iterator[Event]:
    """The repetitions of an event that may lie in the span, but for those that were moved."""
    first = _event(part, zone)
    rule = part.get("RRULE")
    if rule is None and not part.get("RDATE"):
        yield first
        return
    length = first.end - first.start
    left_out = {_moment(each, zone) for each in _dates(part, "EXDATE")} | moved
    for start in _starts(part, first.start, (since - length, until), zone):
        if start not in left_out:
            yield Event(
                start=start,
                end=start + length,
                whole_days=first.whole_days,
                title=first.title,
                location=first.location,
                repeats=True,
            )


def _starts(
    part: Any, first: datetime, span: tuple[datetime, datetime], zone: Zone
) -> list[datetime]:
    """When the repetitions of an event begin that lie in a span, its first and last moment."""
    from dateutil.rrule import rrulestr

    begun, rule = part["DTSTART"].dt, part.get("RRULE")
    starts = {_moment(each, zone) for each in _dates(part, "RDATE")} | {first}
    if rule is not None:
        # By the clock of the event's own zone, so that what is at ten stays at ten.
        wall = begun if isinstance(begun, datetime) else datetime.combine(begun, time())
        own = wall.tzinfo
        rules = rrulestr(_in_wall_time(rule.to_ical().decode(), own), dtstart=_naive(wall))
        since, until = (_naive(each.astimezone(own or zone.info)) for each in span)
        for each in islice(rules, _MOST_REPEATS):
            if each > until + _DAY:
                break
            if each >= since - _DAY:
                starts.add(each.replace(tzinfo=own) if own else zone.at(each))
    return sorted(each for each in starts if span[0] <= each < span[1])


def _in_wall_time(rule: str, own: tzinfo | None) -> str:
    """The rule with its end by the clock by which it repeats, where the standard writes UTC."""

    def local(match: re.Match[str]) -> str:
        end = datetime.strptime(match[1], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        return f"UNTIL={end.astimezone(own):%Y%m%dT%H%M%S}"

    return re.sub(r"UNTIL=(\d{8}T\d{6}Z)", local, rule)


def _dates(part: Any, name: str) -> Iterator[Any]:
    """The dates of a property that may occur several times, each with several dates."""
    value = part.get(name)
    several = value if is_array(value) else [value] if value else []
    for each in several:
        yield from (entry.dt for entry in each.dts)


def _event(part: Any, zone: Zone) -> Event:
    begun = part["DTSTART"].dt
    whole_days = not isinstance(begun, datetime)
    start = _moment(begun, zone)
    if part.get("DTEND") is not None:
        end = _moment(part["DTEND"].dt, zone)
    elif part.get("DURATION") is not None:
        end = start + part["DURATION"].dt
    else:
        end = start + _DAY if whole_days else start
    return Event(
        start=start,
        end=max(start, end),
        whole_days=whole_days,
        title=one_line(part.get("SUMMARY", "")) or "(no title)",
        location=one_line(part.get("LOCATION", "")),
        repeats=bool(part.get("RRULE") or part.get("RECURRENCE-ID")),
    )


def _moment(value: Any, zone: Zone) -> datetime:
    return zone.at(value) if isinstance(value, datetime) else zone.begins(value)


def _naive(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None)


def line_of(event: Event, zone: Zone, *, calendar: str, id: str) -> str:
    """An event as a model is shown it."""
    start, end = zone.here(event.start), zone.here(event.end)
    if event.whole_days:
        last = end - _DAY
        days = "" if last <= start else f" to {last:%a %Y-%m-%d}"
        when = f"{start:%a %Y-%m-%d}{days}, all day"
    else:
        until = f"{end:%H:%M}" if end.date() == start.date() else f"{end:%a %Y-%m-%d %H:%M}"
        when = f"{start:%a %Y-%m-%d %H:%M} to {until}"
    where = f", at {event.location}" if event.location else ""
    note = ", repeats" if event.repeats else ""
    return f"{when}: {event.title}{where} (calendar {calendar}{note}) id={id}"


def new_text(
    uid: str, *, title: str, start: datetime, end: datetime, whole_days: bool, more: dict[str, str]
) -> str:
    """A new event as it is stored. Its times are in UTC, which every server understands.

    Args:
        uid: Its identity.
        title: One line.
        start: When it begins.
        end: When it ends; of whole days, the day after the last.
        whole_days: Whether only the days count.
        more: `LOCATION` and `DESCRIPTION`, as far as there are any.
    """
    from icalendar import Calendar
    from icalendar import Event as Component

    component: Any = Component()
    component.add("uid", uid)
    component.add("dtstamp", utc_now())
    component.add("summary", title)
    set_times(component, start, end, whole_days=whole_days)
    for name, value in more.items():
        component.add(name, value)
    calendar: Any = Calendar()
    calendar.add("prodid", "-//muxi//calendar//EN")
    calendar.add("version", "2.0")
    calendar.add_component(component)
    return calendar.to_ical().decode()


def set_times(component: Any, start: datetime, end: datetime, *, whole_days: bool) -> None:
    """Let an event begin and end at other times."""
    for name in ("DTSTART", "DTEND", "DURATION"):
        component.pop(name, None)
    if whole_days:
        component.add("dtstart", start.date())
        component.add("dtend", end.date())
    else:
        component.add("dtstart", start.astimezone(UTC))
        component.add("dtend", end.astimezone(UTC))


def changed_text(
    text: str, changes: dict[str, str], times: tuple[datetime, datetime, bool] | None
) -> str:
    """A stored object with other words or times; what else it holds stays.

    Raises:
        ToolArgumentsInvalid: It repeats, and its times cannot be changed as one.
    """
    calendar = parse(text)
    parts: Sequence[Any] = calendar.walk("VEVENT")
    if not parts:
        raise ToolArgumentsInvalid("That is no event.")
    if times is not None and (len(parts) > 1 or parts[0].get("RRULE") or parts[0].get("RDATE")):
        raise ToolArgumentsInvalid(
            "The event repeats: its title, place and description can be changed, its times not."
        )
    for part in parts:
        for name, value in changes.items():
            part.pop(name, None)
            part.add(name, value)
        if times is not None:
            set_times(part, times[0], times[1], whole_days=times[2])
        part.pop("LAST-MODIFIED", None)
        part.add("last-modified", utc_now())
        sequence = int(part.pop("SEQUENCE", 0) or 0) + 1
        part.add("sequence", sequence)
    return calendar.to_ical().decode()
