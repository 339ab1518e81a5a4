"""What is known of languages: their function words, months and words for "now"; which one it is.

Called by the files of this room. The tables hold closed classes only (articles, pronouns,
prepositions, auxiliaries, question words): published lists of stop words name nouns such as "home",
"computer" or "room", by which people look for what was said.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import resources
from typing import Any, Final

_DEFAULTS: Final = {
    "LATIN": "en",
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "GREEK": "el",
    "HEBREW": "he",
    "DEVANAGARI": "hi",
    "TAMIL": "ta",
    "ARMENIAN": "hy",
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
}
"""The language of a script when no word of the text tells."""
UNSPACED: Final = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "YI"}
    | {"THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "JAVANESE", "BALINESE"}
)
"""Scripts whose words do not stand between blanks, or not alone."""
_TELLING: Final = {
    "uk": frozenset("іїєґ"),
    "fa": frozenset("پچژگ"),
    "ja": frozenset(map(chr, range(0x3041, 0x30FF))),
}
"""Letters that one language of a script has and its default has not."""


@dataclass(frozen=True, slots=True)
class Language:
    """One language as far as retrieval needs it. Words are folded, with and without accents."""

    code: str
    stemmer: str
    """Name of a Snowball algorithm, or empty."""
    function: frozenset[str]
    me: frozenset[str]
    """Words by which speakers mean themselves."""
    you: frozenset[str]
    months: tuple[tuple[str, ...], ...]
    latest: tuple[str, ...]
    """Words and phrases that ask for the present state."""
    reporting: frozenset[str]
    """Verbs of saying: a question has them, what was said has not."""
    yesterday: tuple[str, ...]
    last: Mapping[str, tuple[str, ...]]
    """Phrases for the week, month or year before this one, by `week`, `month`, `year`."""


@cache
def languages() -> Mapping[str, Language]:
    """All of them by their ISO 639-1 code."""
    path = resources.files("muxi.retrieval").joinpath("data/languages.json")
    table: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return {code: _language(code, entry) for code, entry in table.items()}


def _language(code: str, entry: Mapping[str, Any]) -> Language:
    return Language(
        code=code,
        stemmer=entry["stemmer"],
        function=_forms(entry["function"]),
        me=_forms(entry["me"]),
        you=_forms(entry["you"]),
        months=tuple(tuple(_forms(names)) for names in entry["months"]),
        latest=tuple(_forms(entry["latest"])),
        reporting=_forms(entry.get("reporting", ())),
        yesterday=tuple(_forms(entry["yesterday"])),
        last={span: tuple(_forms(phrases)) for span, phrases in entry["last"].items()},
    )


def _forms(words: Iterable[str]) -> frozenset[str]:
    folded = {fold(word) for word in words}
    return frozenset(folded | {bare(word) for word in folded})


def fold(text: str) -> str:
    """`text` in one form for all ways to write it: compatibility forms, case, apostrophes."""
    if text.isascii():
        return text.lower()
    # One character may stand for eighteen; a text full of them is nobody's words.
    folded = unicodedata.normalize("NFKC", text)[: 2 * len(text) + 100].casefold()
    return unicodedata.normalize("NFC", folded).replace("\u2019", "'").replace("\u02bc", "'")


def bare(word: str) -> str:
    """`word` without accents, and without the points and dashes of Hebrew and Arabic, which most
    people leave out; the vowel signs of other scripts stay."""
    if word.isascii():
        return word
    letters = unicodedata.normalize("NFD", word)
    kept = "".join(letter for letter in letters if not _is_accent(letter))
    return unicodedata.normalize("NFC", kept)


def _is_accent(letter: str) -> bool:
    return (
        "\u0300" <= letter <= "\u036f"
        or "\u0591" <= letter <= "\u05c7"
        or "\u064b" <= letter <= "\u065f"
        or letter in "\u0640\u0670"
    )


@lru_cache(maxsize=8192)
def script(letter: str) -> str:
    """The script of a letter as Unicode names it: `LATIN`, `CYRILLIC`, `CJK`; else empty."""
    if letter.isascii():
        return "LATIN" if letter.isalpha() else ""
    return unicodedata.name(letter, "").partition(" ")[0].partition("-")[0]


@cache
def _speakers() -> Mapping[str, tuple[str, ...]]:
    """The languages that have a function word."""
    found: dict[str, list[str]] = {}
    for language in languages().values():
        for word in language.function:
            found.setdefault(word, []).append(language.code)
    return {word: tuple(codes) for word, codes in found.items()}


def spoken(words: Iterable[str]) -> Mapping[str, Language]:
    """The likeliest language of each script that occurs in `words`, which are folded."""
    speakers = _speakers()
    votes: dict[str, dict[str, float]] = {}
    for word in words:
        if word[0].isdigit():
            continue
        of_script = votes.setdefault(script(word[0]), {})
        codes = speakers.get(word, ())
        for code in codes:
            of_script[code] = of_script.get(code, 0.0) + 1 / len(codes)
        if word.isascii():
            continue
        for code, letters in _TELLING.items():
            if not letters.isdisjoint(word):
                of_script[code] = of_script.get(code, 0.0) + 1
    known = languages()
    return {
        name: known[_winner(of_script, _DEFAULTS[name])]
        for name, of_script in votes.items()
        if name in _DEFAULTS
    }


def _winner(votes: Mapping[str, float], default: str) -> str:
    return max(votes, key=lambda code: (votes[code], code == default), default=default)
