"""A question taken apart: what it asks, about whom, when, and whether for the present state.

Called by whoever searches memory or knowledge. Who and when become small boosts; only the rest is
searched.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from muxi.retrieval import people as persons
from muxi.retrieval.dates import Dates, When, phrases, read_dates
from muxi.retrieval.languages import Language, fold, languages, spoken
from muxi.retrieval.words import asked_words, tokens

_LONGEST: Final = 4_000
"""Characters of a question that are read."""
_MOST_WORDS: Final = 64
_PREAMBLE: Final = re.compile(
    r"^\W*(?:(?:hey|hi|hello|please|so|and|ok|okay)\W+)*"
    r"(?:(?:can|could|would|do|did|will) you (?:please )?"
    r"(?:still )?(?:tell|remind|remember|recall|know)(?: me)?|(?:please )?(?:remind|tell) me|"
    r"i (?:was wondering|wonder|forgot|forget|can't remember|don't remember))\b",
)
_BLANKS: Final = re.compile(r"\s{2,}")
_WORD: Final = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Question:
    """What is looked for."""

    what: str
    """The question without names: what is embedded."""
    words: tuple[str, ...]
    """Its words as they stand in the index."""
    who: tuple[str, ...] = ()
    """Speakers whose words are meant, as they are stored."""
    when: tuple[When, ...] = ()
    latest: bool = False
    """Whether it asks for what holds now, of several things that held."""
    asked: str = ""
    """As it was asked, up to a bound: for a reranker."""

    @classmethod
    def read(
        cls,
        text: str,
        people: Mapping[str, str] | None = None,
        *,
        me: str | None = None,
        you: str | None = None,
        now: datetime | None = None,
    ) -> Question:
        """Take `text` apart. Any text is a question; an empty one finds nothing.

        Args:
            text: In any language; what is beyond 4,000 characters is not read.
            people: Those who spoke: names as they may be written, to speakers as they are stored.
            me: The speaker whom "I" and "my" mean.
            you: The speaker whom "you" means.
            now: What "last week" is counted from.
        """
        whole = unicodedata.normalize("NFKC", text[:_LONGEST])[:_LONGEST].replace("\0", " ")
        here = tuple(spoken(tokens(whole)).values())
        names = persons.find(whole, persons.names(people), here) if people else []
        what = _without(whole, [(name.start, name.end) for name in names if name.sure])
        what = what[_preamble(fold(what)) :]
        folded = fold(what)
        dates = read_dates(folded, here, now)
        rest = _blanked(folded, dates.places)
        present = [match.span() for match in _present(_codes(here)).finditer(rest)]
        who = [speaker for name in names for speaker in name.speakers]
        who += _by_pronoun(folded, here, me=me, you=you)
        return cls(
            what=what,
            words=_words(_blanked(rest, present), dates),
            who=tuple(dict.fromkeys(who)),
            when=dates.when,
            latest=bool(present),
            asked=whole,
        )


def _words(text: str, dates: Dates) -> tuple[str, ...]:
    found = asked_words(text)
    if dates.modal:
        found = [word for word in found if word != "may"]
    # The lines of a window bear their dates in English, whatever is spoken in them.
    english = languages()["en"].months
    for month in sorted(dates.months):
        found += asked_words(_longest(english[month - 1]))
    return tuple(dict.fromkeys(found))[:_MOST_WORDS]


def _longest(forms: Sequence[str]) -> str:
    return max(forms, key=len)


def _without(text: str, places: Iterable[tuple[int, int]]) -> str:
    for start, end in sorted(places, reverse=True):
        text = f"{text[:start]} {text[end:]}"
    return _BLANKS.sub(" ", text).strip()


def _blanked(text: str, places: Iterable[tuple[int, int]]) -> str:
    for start, end in places:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _codes(spoken_here: Iterable[Language]) -> tuple[str, ...]:
    return tuple(language.code for language in spoken_here)


def _by_pronoun(
    folded: str, spoken_here: Sequence[Language], *, me: str | None, you: str | None
) -> list[str]:
    """The speaker that the first "I" or "you" means: the one who said or did what is asked for."""
    if me is None and you is None:
        return []
    known = spoken_here or [languages()["en"]]
    for word in _WORD.findall(folded):
        for language in known:
            if word in language.me:
                return [me] if me is not None else []
            if word in language.you:
                return [you] if you is not None else []
    return _by_pronoun_inside(folded, known, me=me, you=you)


def _by_pronoun_inside(
    text: str, known: Sequence[Language], *, me: str | None, you: str | None
) -> list[str]:
    """The same for scripts that put no blanks between words."""
    if text.isascii():
        return []
    for language in known:
        if language.code in ("zh", "ja", "ko"):
            if me is not None and any(word in text for word in language.me if len(text) > 1):
                return [me]
            if you is not None and any(word in text for word in language.you):
                return [you]
    return []


@lru_cache(maxsize=128)
def _present(codes: tuple[str, ...]) -> re.Pattern[str]:
    """What asks for the present state."""
    known = [languages()[code] for code in (*codes, "en")]
    return phrases(frozenset(form for language in known for form in language.latest))


def _preamble(folded: str) -> int:
    """Where the question begins behind "can you tell me"."""
    match = _PREAMBLE.match(folded)
    return match.end() if match else 0
