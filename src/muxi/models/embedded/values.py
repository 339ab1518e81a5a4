"""Values read off a run of tokens according to a schema: numbers, addresses, dates, time zones.

Called by `arguments`. Everything follows from type, format, pattern, enum and example values of a
parameter; it must never know the name of a tool or of a parameter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from muxi.core.patterns import matcher
from muxi.models.embedded.tokens import NUMBER_WORDS, Token, stem, tokenize

Accept = Callable[[Sequence[Token]], bool]

_FORMATS: Final = {
    "uri": "uri",
    "url": "uri",
    "iri": "uri",
    "email": "email",
    "date": "date",
    "time": "time",
}
_ZONE_FORMATS: Final = frozenset({"timezone", "time-zone", "iana-timezone", "tz"})
_POLES: Final = frozenset({"on", "off"})
_DAYS: Final = {"yesterday": -1, "today": 0, "tomorrow": 1}
_NEGATIONS: Final = frozenset(
    ("no", "not", "without", "off", "never", "disable", "don't", "dont", "un", "out", "exclude")
)


def acceptor(schema: dict[str, Any], examples: Sequence[str]) -> Accept | None:
    """What a run of tokens must be to serve as a value; None when anything may serve."""
    if schema.get("type") in ("integer", "number"):
        return lambda run: number(run) is not None
    wanted = token_kind(schema, examples)
    if wanted is not None:
        return lambda run: len(run) == 1 and run[0].kind == wanted
    pattern = schema.get("pattern")
    if isinstance(pattern, str):
        return _matching(pattern)
    return None


def token_kind(schema: dict[str, Any], examples: Sequence[str]) -> str | None:
    """The kind of token that every value is, by format or because all examples are."""
    declared = _FORMATS.get(str(schema.get("format", "")))
    if declared or len(examples) < 2:
        return declared
    kinds = {tuple(token.kind for token in tokenize(value)) for value in examples}
    for kind in ("uri", "email", "date", "tag", "phone"):
        if kinds == {(kind,)}:
            return kind
    return None


def _matching(pattern: str) -> Accept | None:
    found = matcher(pattern)
    if found is None:
        return None

    def fits(run: Sequence[Token]) -> bool:
        text = "".join(token.text for token in run)
        return len(run) <= 4 and run[-1].end - run[0].start == len(text) and found(text)

    return fits


def number(run: Sequence[Token]) -> float | None:
    """The number that the tokens spell, in figures or in words."""
    if len(run) == 1 and run[0].kind == "number":
        return float(run[0].text.replace(",", ""))
    if not run or not all(token.spoken_number for token in run):
        return None
    total = current = 0
    for word in " ".join(token.lower.replace("-", " ") for token in run).split():
        value = NUMBER_WORDS[word]
        if value < 100:
            current += value
        elif value == 100:
            current = max(current, 1) * value
        else:
            total += max(current, 1) * value
            current = 0
    return float(total + current)


def cast(text: str, schema: dict[str, Any], examples: Sequence[str]) -> Any:
    """`text` as the schema wants it."""
    declared = schema.get("type")
    if declared in ("integer", "number"):
        value = number(tokenize(text)) or 0.0
        return int(value) if declared == "integer" or value.is_integer() else value
    if token_kind(schema, examples) == "uri" and "://" not in text:
        return f"https://{text}"
    return text


def spoken_date(tokens: Sequence[Token], *, today: date) -> str | None:
    """The ISO date that a word such as "tomorrow" means."""
    for token in tokens:
        if token.lower in _DAYS:
            return (today + timedelta(days=_DAYS[token.lower])).isoformat()
    return None


def is_zone(schema: dict[str, Any], examples: Sequence[str]) -> bool:
    """Whether the values of a parameter are names of time zones."""
    if schema.get("format") in _ZONE_FORMATS:
        return True
    known = [*examples, *map(str, schema.get("examples", ())), str(schema.get("default", ""))]
    return any("/" in value and value in available_timezones() for value in known)


@cache
def _places() -> dict[str, str]:
    """Names of places and zones, in lower case, with the zone that holds there."""
    places: dict[str, str] = {}
    for zone in sorted(available_timezones()):
        if zone.startswith(("Etc/", "posix/", "right/", "SystemV/", "US/")):
            continue
        places[zone.lower()] = zone
        if "/" in zone:
            places.setdefault(zone.rsplit("/", 1)[1].replace("_", " ").lower(), zone)
    return places


def zone(request: str) -> str | None:
    """The time zone of the longest place name in `request`."""
    tokens = tokenize(request)
    places = _places()
    for length in (5, 4, 3, 2, 1):
        for first in range(len(tokens) - length + 1):
            text = request[tokens[first].start : tokens[first + length - 1].end]
            key = text.lower().removesuffix("'s")
            found = places.get(key)
            if found and (len(key) > 3 or text[0].isupper() or "/" in text or key == "utc"):
                return found
    return None


def choice(request: str, options: Sequence[Any]) -> Any | None:
    """The option that `request` mentions; the longest when several are."""
    words = [stem(token.lower) for token in tokenize(request)]
    raw = f" {' '.join(token.lower for token in tokenize(request))} "
    best: tuple[int, Any] | None = None
    for option in options:
        spelled = re.sub(r"[_\W]+", " ", str(option)).strip().lower()
        parts = [stem(part) for part in spelled.split()]
        stemmed = bool(parts) and all(part in words for part in parts)
        if (f" {spelled} " in raw or stemmed) and (best is None or len(spelled) > best[0]):
            best = len(spelled), option
    return None if best is None else best[1]


def switch(request: str, words: Sequence[str], learned: Sequence[tuple[str, bool]]) -> bool | None:
    """Whether `request` asks for yes or no on the matter that `words` name; None if silent."""
    tokens = [token.lower for token in tokenize(request)]
    by_value = {
        value: {
            token.lower for text, shown in learned if shown is value for token in tokenize(text)
        }
        for value in (True, False)
    }
    for value in (True, False):
        telling = by_value[value] - by_value[not value]
        if by_value[not value] and any(token in telling for token in tokens):
            return value
    stems = {stem(word) for word in words}
    if stems & _POLES:
        stems |= _POLES
    hits = [i for i, token in enumerate(tokens) if stem(token) in stems]
    if not hits:
        return None
    return not any(token in _NEGATIONS for i in hits for token in tokens[max(0, i - 3) : i + 1])
