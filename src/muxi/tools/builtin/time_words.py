"""Days and spans of time in English words and in figures. Used by `calendar_day`."""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, time, timedelta
from fractions import Fraction
from typing import NamedTuple

from muxi.core.errors import ToolArgumentsInvalid
from muxi.tools.builtin.number_words import is_number_word, read_number, without_hyphens


class Moment(NamedTuple):
    """What was asked for."""

    at: datetime
    is_now: bool = False
    has_time: bool = False


_NEAR = {
    "today": 0,
    "tonight": 0,
    "tomorrow": 1,
    "yesterday": -1,
    "day after tomorrow": 2,
    "day before yesterday": -2,
    "next week": 7,
    "last week": -7,
    "previous week": -7,
}
_SECONDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3_600, "hr": 3_600}
_DAYS = {"day": 1, "week": 7, "fortnight": 14}
_MONTHS_IN = {"month": 1, "quarter": 3, "year": 12, "decade": 120, "century": 1_200}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
_FEASTS = {
    "christmas": (12, 25),
    "christmas eve": (12, 24),
    "new year": (1, 1),
    "new years day": (1, 1),
    "new years eve": (12, 31),
    "halloween": (10, 31),
    "valentines day": (2, 14),
}
"""Days that fall on the same date every year."""

_UNIT = re.compile(rf"({'|'.join((*_SECONDS, *_DAYS, *_MONTHS_IN))}|centurie)s?", re.IGNORECASE)
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[t ](\d{1,2}):(\d{2})(?::\d{2})?)?z?")
_FIGURES = re.compile(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})")
_FILLERS = re.compile(
    r"\b(?:what|which|time|date|day|days|is|it|the|current|currently|right|now|todays|present"
    r"|moment|at|this|will|be|was|of|for|on|until|till|to|a|an|please|exact|local|weekday|how|many"
    r"|much|long|since|there|are|full|week)\b"
)


def find_moment(text: str, now: datetime) -> Moment:
    """The moment that `text` means, seen from `now`, whose zone it has.

    Raises:
        ToolArgumentsInvalid: The text is not understood, or the year lies outside 1 to 9999.
    """
    words = _plain(text)
    try:
        found = _read(words, now) or _read(" ".join(_FILLERS.sub(" ", words).split()), now)
    except (ValueError, OverflowError):
        raise ToolArgumentsInvalid(f"`{text[:60]}` is no day of the calendar.") from None
    if found is None:
        raise ToolArgumentsInvalid(
            f"The day `{text[:60]}` is not understood.",
            hint="Write it like `tomorrow`, `in 10 days`, `3 weeks ago`, `next friday` or"
            " `2027-03-14`.",
        )
    return found


def _plain(text: str) -> str:
    words = without_hyphens(text[:200].lower()).replace("'", "").replace("’", "")
    words = re.sub(r"[?!,]", " ", words)
    words = re.sub(r"\b(?:on|the|until|till|a date|date)\b", " ", words)
    return " ".join(words.split()).strip(" .")


def _read(words: str, now: datetime) -> Moment | None:
    if words in ("", "now"):
        return Moment(now, is_now=True, has_time=True)
    if words in _NEAR:
        return _midnight(now.date() + timedelta(_NEAR[words]), now)
    return _span(words, now) or _weekday(words, now) or _date(words, now)


def _midnight(day: date, now: datetime) -> Moment:
    return Moment(datetime.combine(day, time(), now.tzinfo))


def _span(words: str, now: datetime) -> Moment | None:
    """`in 10 days`, `2 weeks and 3 days ago`, `an hour from now`, `next month`."""
    match = re.fullmatch(r"(next|last|previous|coming) (month|year|quarter|decade|century)", words)
    if match:
        sign = 1 if match[1] in ("next", "coming") else -1
        return _midnight(_months_on(now.date(), sign * _MONTHS_IN[match[2]]), now)
    match = re.fullmatch(
        r"(?:in |within )?(.+?)(?: (from (?:now|today)|later|ahead|after today|ago|before today"
        r"|earlier|back|before))?",
        words,
    )
    amounts = _amounts(match[1]) if match else None
    if match is None or amounts is None:
        return None
    back = match[2] in ("ago", "earlier", "back", "before", "before today")
    return _moved(now, amounts, -1 if back else 1)


def _amounts(words: str) -> list[tuple[Fraction, str]] | None:
    """The pairs of "2 weeks and 3 days"; None if this is none."""
    left = words.replace(" and ", " ").split()
    amounts: list[tuple[Fraction, str]] = []
    while left:
        number = Fraction(left[0]) if re.fullmatch(r"\d{1,7}(\.\d+)?", left[0]) else None
        used = 1
        if number is None and left[0] in ("a", "an", "one"):
            number = Fraction(1)
        elif number is None and is_number_word(left[0]):
            number, used = read_number(left)
        unit = _UNIT.fullmatch(left[used]) if number is not None and used < len(left) else None
        if number is None or unit is None:
            return None
        amounts.append((number, unit[1].replace("centurie", "century")))
        left = left[used + 1 :]
    return amounts or None


def _moved(now: datetime, amounts: list[tuple[Fraction, str]], sign: int) -> Moment:
    day = now.date()
    seconds = Fraction(0)
    for number, unit in amounts:
        if unit in _MONTHS_IN:
            day = _months_on(day, sign * int(number * _MONTHS_IN[unit]))
        elif unit in _DAYS:
            day += timedelta(days=sign * int(number * _DAYS[unit]))
        else:
            seconds += sign * number * _SECONDS[unit]
    if not any(unit in _SECONDS for _, unit in amounts):
        return _midnight(day, now)
    moved = datetime.combine(day, now.time(), now.tzinfo)
    # Through UTC, so that an hour is an hour when the clocks are changed.
    instant = moved.timestamp() + float(seconds)
    return Moment(datetime.fromtimestamp(instant, now.tzinfo), has_time=True)


def _months_on(day: date, months: int) -> date:
    """The same day some months on; the last of the month where there is no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    if not 1 <= year <= 9999:
        raise OverflowError
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def _weekday(words: str, now: datetime) -> Moment | None:
    match = re.fullmatch(r"(?:(next|this|coming|last|past|previous) )?(\w+)", words)
    if match is None or len(match[2]) < 3:
        return None
    names = [name for name in WEEKDAYS if name.lower().startswith(match[2])]
    if not names:
        return None
    ahead = (WEEKDAYS.index(names[0]) - now.weekday()) % 7
    if match[1] in ("last", "past", "previous"):
        ahead = ahead - 7
    elif match[1] in ("next", "coming") and ahead == 0:
        ahead = 7
    return _midnight(now.date() + timedelta(days=ahead), now)


def _date(words: str, now: datetime) -> Moment | None:
    match = _ISO.fullmatch(words)
    if match:
        day = date(int(match[1]), int(match[2]), int(match[3]))
        if match[4] is None:
            return _midnight(day, now)
        clock = time(int(match[4]), int(match[5]))
        return Moment(datetime.combine(day, clock, now.tzinfo), has_time=True)
    match = _FIGURES.fullmatch(words)
    if match:
        first, second, year = int(match[1]), int(match[2]), int(match[3])
        if first <= 12 and second <= 12 and first != second:
            raise ToolArgumentsInvalid(
                f"`{words}` may mean two dates.", hint="Write it as year-month-day."
            )
        return _midnight(date(year, min(first, second), max(first, second)), now)
    return _named_date(words, now)


def _named_date(words: str, now: datetime) -> Moment | None:
    """`25 december 2025`, `december 25th`, `christmas`: without a year the next one."""
    if words in _FEASTS:
        month, number = _FEASTS[words]
        return _midnight(_next_date(month, number, now.date()), now)
    words = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", words.replace(" of ", " "))
    match = re.fullmatch(r"(\d{1,2}) ([a-z]{3,9})\.?(?: (\d{4}))?", words)
    parts = (match[1], match[2], match[3]) if match else None
    if parts is None:
        match = re.fullmatch(r"([a-z]{3,9})\.? (\d{1,2})(?: (\d{4}))?", words)
        parts = (match[2], match[1], match[3]) if match else None
    if parts is None:
        return None
    months = [at for at, name in enumerate(MONTHS, 1) if name.lower().startswith(parts[1])]
    if len(months) != 1:
        return None
    if parts[2] is None:
        return _midnight(_next_date(months[0], int(parts[0]), now.date()), now)
    return _midnight(date(int(parts[2]), months[0], int(parts[0])), now)


def _next_date(month: int, number: int, today: date) -> date:
    for year in range(today.year, today.year + 9):
        last = calendar.monthrange(year, month)[1]
        if number <= last and (day := date(year, month, number)) >= today:
            return day
    raise ValueError
