"""A request cut into tokens with kinds: words, numbers, addresses, dates, paths, symbols.

Called by the router, which compares requests by the kinds they contain, and by the argument
filler, which copies runs of tokens. It must never know the name of a tool.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final
from zoneinfo import available_timezones

_DOMAINS: Final = "com|org|net|io|dev|edu|gov|info|app|ai|co|uk|de|fr|es|it|nl|eu|us|me|ch|jp|in"
_PATTERNS: Final = (
    ("uri", r"(?:https?|ftp|file)://[^\s<>\"'`]+|www\.[^\s<>\"'`]+"),
    ("email", r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    ("uri", rf"\b(?:[a-z0-9-]+\.)+(?:{_DOMAINS})\b(?:[/:?][^\s<>\"'`]*)?"),
    ("date", r"\d{4}-\d{2}-\d{2}\b"),
    ("time", r"\b\d{1,2}:\d{2}(?:\s?[ap]\.?m\b)?|\b\d{1,2}\s?[ap]m\b"),
    ("phone", r"\+\d{6,15}\b"),
    (
        "path",
        r"(?:~|\.{1,2})?/(?:[\w.-]+/?)+|\b[A-Za-z_][\w-]*(?:/[\w.-]+)+|\b[\w-]+\.[a-z]{2,4}\b",
    ),
    ("tag", r"[#@][A-Za-z][\w-]*"),
    ("code", r"\b[vV]?\d+\.\d+\.\d+[\w.-]*|\b[A-Za-z]+-?\d[\w-]*\b"),
    ("number", r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+\.\d+|\.\d+\b|\d+"),
    ("word", r"[^\W\d_]+(?:['’_-][^\W\d_]+)*['’]?(?<!['’])|[^\W\d_]+"),
    ("symbol", r"\*\*|[^\w\s]|_+"),
)
_TOKEN: Final = re.compile(
    "|".join(f"(?P<{kind}_{i}>{pattern})" for i, (kind, pattern) in enumerate(_PATTERNS)),
    re.IGNORECASE,
)
_TRAILING: Final = re.compile(r"[.,;:!?)\]}'\"]+$")
_OPERATORS: Final = frozenset("+-*/^=×÷−%")
_UNITS: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
)
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety"
_SCALES: Final = {"hundred": 100, "thousand": 1_000, "million": 1_000_000}
NUMBER_WORDS: Final[dict[str, int]] = (
    {word: value for value, word in enumerate(_UNITS.split())}
    | {word: 10 * value for value, word in enumerate(_TENS.split(), start=2)}
    | _SCALES
)


@dataclass(slots=True, frozen=True)
class Token:
    """A piece of a request and where it stands there."""

    text: str
    start: int
    end: int
    kind: str

    @property
    def lower(self) -> str:
        return self.text.lower()

    @property
    def spoken_number(self) -> bool:
        """Whether it is a number written in letters."""
        return self.kind == "word" and all(
            part in NUMBER_WORDS for part in self.lower.replace("-", " ").split()
        )


def _trim(text: str) -> str:
    """An address without the punctuation of the sentence around it."""
    cut = _TRAILING.sub("", text)
    return text if text.count("(") and text.endswith(")") else cut


@cache
def _zones() -> frozenset[str]:
    """Names of time zones: they look like paths and are names of places."""
    return frozenset(zone.lower() for zone in available_timezones() if "/" in zone)


@lru_cache(maxsize=4096)
def tokenize(text: str) -> tuple[Token, ...]:
    """The tokens of `text`, in order."""
    tokens: list[Token] = []
    position = 0
    while match := _TOKEN.search(text, position):
        kind = (match.lastgroup or "").split("_")[0]
        piece = match.group()
        if kind in ("uri", "path"):
            piece = _trim(piece) or piece
        if kind == "path" and piece.lower() in _zones():
            kind = "word"
        end = match.start() + len(piece)
        tokens.append(Token(piece, match.start(), end, kind))
        position = end
    return tuple(tokens)


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A crude common form of `word`, so that "searches" meets "search"."""
    word = word.lower().replace("’", "'")
    word = word.removesuffix("'s")
    for suffix in ("ing", "ies", "ed", "es", "s", "e"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            return word[: -len(suffix)]
    return word


def terms(text: str) -> list[str]:
    """Words as stems, and everything else as the name of its kind: the form of a request."""
    return [_term(token) for token in tokenize(text)]


def _term(token: Token) -> str:
    if token.kind == "word":
        return "<number>" if token.spoken_number else stem(token.lower)
    if token.kind == "symbol":
        return "<operator>" if token.text[0] in _OPERATORS else token.text
    return f"<{token.kind}>"
