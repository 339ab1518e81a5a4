"""Names of people in a question: found in any script, whole or in parts, and taken out of it.

Called by `question`. With a name left in, every vector search drifts to what is said *to* that
person; what counts is who speaks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from muxi.retrieval.dates import BEFORE_MONTH
from muxi.retrieval.languages import UNSPACED, Language, bare, fold, languages, script
from muxi.retrieval.words import any_word, stemmed

_MOST_PEOPLE: Final = 2_000
_LONGEST_NAME: Final = 6
"""Words."""
_POSSESSIVE: Final = re.compile(r"['\u2019]s?(?!\w)")


@dataclass(frozen=True, slots=True)
class Names:
    """Who may be named, by all forms of their names that are looked for."""

    spaced: Mapping[tuple[str, ...], tuple[str, ...]]
    """Words of a name, without case and accents, to the speakers that it may mean."""
    dense: Mapping[str, tuple[str, ...]]
    """The same for scripts that put no blanks between words."""
    ambiguous: frozenset[str]
    """Single words of names that are common words or months besides, such as Will and May."""


@dataclass(frozen=True, slots=True)
class Found:
    """A name in a text."""

    start: int
    end: int
    """Behind the possessive ending, if there is one."""
    speakers: tuple[str, ...]
    sure: bool = True
    """Whether it cannot well be another word."""


def names(people: Mapping[str, str]) -> Names:
    """The forms of `people`: names as they may be written, to speakers as they are stored."""
    return _names(tuple(people.items())[:_MOST_PEOPLE])


@lru_cache(maxsize=256)
def _names(people: tuple[tuple[str, str], ...]) -> Names:
    spaced: dict[tuple[str, ...], list[str]] = {}
    dense: dict[str, list[str]] = {}
    common = _common_words()
    for name, speaker in people:
        text = fold(name).strip()
        if text and script(text[0]) in UNSPACED:
            dense.setdefault(text, []).append(speaker)
            continue
        parts = tuple(bare(part) for part in any_word().findall(text))[:_LONGEST_NAME]
        forms = {parts} | {
            (part,)
            for at, part in enumerate(parts)
            if len(part) > 1 and (at == 0 or part not in common)
        }
        for form in forms - {()}:
            spaced.setdefault(form, []).append(speaker)
    singles = {form[0] for form in spaced if len(form) == 1}
    return Names(
        {form: tuple(dict.fromkeys(speakers)) for form, speakers in spaced.items()},
        {form: tuple(dict.fromkeys(speakers)) for form, speakers in dense.items()},
        frozenset(singles & common),
    )


def _common_words() -> frozenset[str]:
    english = languages()["en"]
    months = {form for forms in english.months for form in forms}
    return frozenset(
        months | set().union(*(language.function for language in languages().values()))
    )


def find(text: str, known: Names, spoken: Sequence[Language]) -> list[Found]:
    """The names in `text`, in order, the longest where several begin. `text` is in Unicode's
    composed form (NFKC), as names are looked for in it."""
    found = _dense(text, known)
    tokens = list(any_word().finditer(text))
    writes_capitals = any(letter.isupper() for letter in text[1:])
    at = 0
    while at < len(tokens):
        match = _longest(tokens[at : at + _LONGEST_NAME], known, spoken)
        if match is None:
            at += 1
            continue
        length, speakers = match
        last = tokens[at + length - 1]
        ending = _POSSESSIVE.match(text, last.end())
        end = ending.end() if ending else last.end()
        capital = not tokens[at].group()[0].islower()
        unclear = length == 1 and bare(fold(tokens[at].group())) in known.ambiguous
        if not unclear or ending or (capital and _inside(tokens, at)):
            found.append(Found(tokens[at].start(), end, speakers, capital or not writes_capitals))
        at += length
    return sorted(found, key=lambda name: name.start)


def _inside(tokens: Sequence[re.Match[str]], at: int) -> bool:
    """Whether a capital at this place makes a name: it does not where a sentence begins, nor in
    "in May"."""
    return at > 0 and tokens[at - 1].group().lower() not in BEFORE_MONTH


def _dense(text: str, known: Names) -> list[Found]:
    return [
        Found(match.start(), match.end(), speakers)
        for name, speakers in known.dense.items()
        for match in re.finditer(re.escape(name), text, re.IGNORECASE)
    ]


def _longest(
    tokens: Sequence[re.Match[str]], known: Names, spoken: Sequence[Language]
) -> tuple[int, tuple[str, ...]] | None:
    parts = [bare(fold(token.group())) for token in tokens]
    for length in range(len(parts), 0, -1):
        speakers = known.spaced.get(tuple(parts[:length]))
        if speakers:
            return length, speakers
    for language in spoken:
        inflected = _inflected(fold(tokens[0].group()), known, language)
        if inflected:
            return 1, inflected
    return None


def _inflected(word: str, known: Names, spoken: Language) -> tuple[str, ...] | None:
    """Speakers whose name `word` is in another case, in languages that inflect names."""
    if len(word) < 3:
        return None
    if word.endswith("s") and spoken.code != "en" and (bare(word[:-1]),) in known.spaced:
        return known.spaced[(bare(word[:-1]),)]
    if script(word[0]) == "LATIN" or not spoken.stemmer:
        return None
    stem = stemmed(word, spoken.stemmer)
    for form, speakers in known.spaced.items():
        alike = len(form) == 1 and script(form[0][0]) == script(word[0])
        if alike and stemmed(form[0], spoken.stemmer) == stem:
            return speakers
    return None
