"""Dates that a question names, in the languages of `languages`. Called by `question`.

Only what people write when they ask for something that was said: days, months, years, and a few
phrases counted from now. `dateparser` reads far more, but takes up to 90 ms for a question and
reads "we", "sat" and names as dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Final

from muxi.retrieval.languages import UNSPACED, Language, languages, script

_ISO: Final = re.compile(r"(?<!\d)((?:19|20)\d\d)-(\d{1,2})(?:-(\d{1,2}))?(?!\d)")
_POINTS: Final = re.compile(r"(?<!\d)(\d{1,2})[./](\d{1,2})[./]((?:19|20)\d\d)(?!\d)")
_EAST: Final = re.compile(r"(?:((?:19|20)\d\d)[年년]\s?)?(\d{1,2})[月월](?:\s?(\d{1,2})[日일])?")
_YEAR: Final = re.compile(r"(?<![a-z0-9])(?:19|20)\d\d(?![a-z0-9])")
_DAY: Final = re.compile(r"(\d{1,2})(?:st|nd|rd|th|er|re|\.|º|ª)?")
_AGO: Final = re.compile(
    r"\b(\d{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten) "
    r"(day|week|month|year)s? (?:ago|earlier|back)\b"
)
_COUNTED: Final = (
    "a",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
)
_NUMBERS: Final = {word: max(at, 1) for at, word in enumerate(_COUNTED)} | {"an": 1}
_DAYS_OF: Final = {"day": 1, "week": 7, "month": 30, "year": 365}
_WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY: Final = re.compile(rf"\b(?:on|last|this|since) ({'|'.join(_WEEKDAYS)})\b")
BEFORE_MONTH: Final = frozenset(
    {"in", "of", "on", "during", "since", "until", "till", "by", "last", "this", "next", "early"}
    | {"late", "mid", "through", "before", "after", "around", "to", "im", "em", "en", "de", "del"}
    | {"di", "do", "le", "du", "av", "i", "w", "au"}
)
_ALSO_OTHERWISE: Final = frozenset({"may", "march", "mars", "mart"})
"""Names of months that are common words besides, as most of three Latin letters are."""
_TOKEN: Final = re.compile(r"[^\W_]+\.?")


@dataclass(frozen=True, slots=True)
class When:
    """A time that a question names: the days from `first` to `last`, or a month of any year."""

    first: date | None = None
    last: date | None = None
    month: int | None = None
    """1 to 12, of whatever year; then `first` and `last` are None."""

    def nearness(self, day: date) -> float:
        """1 within this time, less in the two weeks after, in which people tell of it; else 0."""
        if self.month is not None:
            before = (day - timedelta(days=10)).month
            return 1.0 if day.month == self.month else 0.4 if before == self.month else 0.0
        assert self.first is not None
        assert self.last is not None
        if self.first <= day <= self.last:
            return 1.0
        late = (day - self.last).days
        return 0.5 if 0 < late <= 14 else 0.0


@dataclass(frozen=True, slots=True)
class Dates:
    """What was found in one question."""

    when: tuple[When, ...] = ()
    months: frozenset[int] = frozenset()
    """Months that were named, of any year or of a certain one."""
    places: tuple[tuple[int, int], ...] = ()
    """Where phrases stand that only make sense seen from now, and that no passage contains."""
    modal: bool = False
    """Whether it says "may" and means no month."""


def read_dates(folded: str, spoken: Iterable[Language], now: datetime | None) -> Dates:
    """The times that `folded` names.

    Args:
        folded: The question, by `languages.fold`.
        spoken: The languages that it may be in; English is always tried.
        now: What "last week" is counted from; None: such phrases are left alone.
    """
    known = [*spoken, languages()["en"]]
    found: list[When] = []
    months: set[int] = set()
    years = {match.start(): int(match.group()) for match in _YEAR.finditer(folded)}
    for pattern in (_ISO, _POINTS, _EAST):
        for match in pattern.finditer(folded):
            for day in _written(pattern, match):
                found.append(day)
                months |= {day.month or (day.first.month if day.first else 0)} - {0}
            years = {at: y for at, y in years.items() if not match.start() <= at < match.end()}
    tokens = list(_TOKEN.finditer(folded))
    modal = False
    for at, token in enumerate(tokens):
        month = _month(token.group().rstrip("."), known)
        if month is None:
            continue
        named = _named(tokens, at, month)
        if named is None:
            modal |= token.group() == "may"
            continue
        when, year_at = named
        years.pop(year_at, None)
        found.append(when)
        months.add(month)
    found += [_year(year) for year in years.values()]
    places: list[tuple[int, int]] = []
    if now is not None:
        for when, place in _relative(folded, known, now.date()):
            found.append(when)
            places.append(place)
    return Dates(tuple(dict.fromkeys(found)), frozenset(months), tuple(places), modal)


def _written(pattern: re.Pattern[str], match: re.Match[str]) -> Iterator[When]:
    parts = [int(part) if part else 0 for part in match.groups()]
    if pattern is _POINTS:
        day, month, year = parts
        yield from _day(year, month, day)
        if day != month:
            # 3/6/2023 is a day of June to most of the world and of March to some.
            yield from _day(year, day, month)
        return
    year, month, day = parts
    if day and year:
        yield from _day(year, month, day)
    elif 1 <= month <= 12:
        yield _month_of(year, month) if year else When(month=month)


def _day(year: int, month: int, day: int) -> Iterator[When]:
    try:
        found = date(year, month, day)
    except ValueError:
        return
    yield When(found, found)


def _month_of(year: int, month: int) -> When:
    after = date(year + month // 12, month % 12 + 1, 1)
    return When(date(year, month, 1), after - timedelta(days=1))


def _year(year: int) -> When:
    return When(date(year, 1, 1), date(year, 12, 31))


@cache
def _months_of(code: str) -> dict[str, int]:
    names = enumerate(languages()[code].months, 1)
    return {form: number for number, forms in names for form in forms}


def _month(word: str, known: Sequence[Language]) -> int | None:
    for language in known:
        number = _months_of(language.code).get(word)
        if number is not None:
            return number
    return None


def _named(tokens: Sequence[re.Match[str]], at: int, month: int) -> tuple[When, int] | None:
    """The time that the month's name at `at` stands for with the words around it, and where its
    year stands, or -1; None if it is no month here."""
    word = tokens[at].group().rstrip(".")
    around = [tokens[i].group() if 0 <= i < len(tokens) else "" for i in range(at - 2, at + 4)]
    year, year_at = 0, -1
    for offset in (1, 2, 3):
        text = around[2 + offset] if 2 + offset < len(around) else ""
        if _YEAR.fullmatch(text.rstrip(".")):
            year, year_at = int(text[:4]), tokens[at + offset].start()
            break
    day = _near_day(around)
    sure = day or year or around[1] in BEFORE_MONTH
    if not sure and (word in _ALSO_OTHERWISE or (len(word) <= 3 and word.isascii())):
        return None
    if year and day:
        exact = list(_day(year, month, day))
        return (exact[0], year_at) if exact else (_month_of(year, month), year_at)
    return (_month_of(year, month) if year else When(month=month)), year_at


def _near_day(around: Sequence[str]) -> int:
    before = around[1] if around[1] not in ("of", "de", "di") else around[0]
    for text in (before, around[3]):
        match = _DAY.fullmatch(text)
        if match and 1 <= int(match.group(1)) <= 31:
            return int(match.group(1))
    return 0


def _relative(
    folded: str, known: Sequence[Language], today: date
) -> Iterator[tuple[When, tuple[int, int]]]:
    for match in _AGO.finditer(folded):
        number = _NUMBERS.get(match.group(1)) or int(match.group(1))
        length = _DAYS_OF[match.group(2)]
        slack = timedelta(days=length // 2 if length > 1 else 0)
        centre = _back(today, number * length)
        yield When(centre - slack, centre + slack), match.span()
    for match in _WEEKDAY.finditer(folded):
        days = (today.weekday() - _WEEKDAYS.index(match.group(1))) % 7 or 7
        yield When(_back(today, days), _back(today, days)), match.span()
    seen: set[tuple[int, int]] = set()
    for language in known:
        for first, last, forms in _spans(language, today):
            for match in phrases(frozenset(forms)).finditer(folded):
                if match.span() not in seen:
                    seen.add(match.span())
                    yield When(first, last), match.span()


def _back(day: date, days: int) -> date:
    return date.fromordinal(max(day.toordinal() - days, 400))


def _spans(language: Language, today: date) -> Iterator[tuple[date, date, Sequence[str]]]:
    yesterday = _back(today, 1)
    yield yesterday, yesterday, language.yesterday
    monday = _back(today, today.weekday() + 7)
    yield monday, monday + timedelta(days=6), language.last.get("week", ())
    end = _back(today.replace(day=1), 1)
    yield end.replace(day=1), end, language.last.get("month", ())
    year = max(today.year - 1, 1)
    yield date(year, 1, 1), date(year, 12, 31), language.last.get("year", ())


@lru_cache(maxsize=512)
def phrases(forms: frozenset[str]) -> re.Pattern[str]:
    """Any of `forms`, the longest first, as whole words where their script has such."""
    longest = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile("|".join(map(_whole, longest)) or "(?!)")


def _whole(form: str) -> str:
    before = r"(?<!\w)" if form[0].isalpha() and script(form[0]) not in UNSPACED else ""
    after = r"(?!\w)" if form[-1].isalpha() and script(form[-1]) not in UNSPACED else ""
    return before + re.escape(form) + after
