"""Text into the words that are indexed and asked for, in any script. Called when passages are
written and by `question`.

A word is folded, stemmed by the language that its text is most likely in, and without accents.
Scripts that put no blanks between words give pairs or triples of characters. Function words are
left out. Every function here is total: it takes any string, of any length, in bounded time.
"""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import groupby
from typing import Any, Final, Protocol

from muxi.retrieval.languages import UNSPACED, Language, bare, fold, script, spoken

LONGEST_TEXT: Final = 100_000
"""Characters of one text that are read; longer ones are cut into pieces by those who store them."""
_LONGEST_WORD: Final = 48
_PAIRS: Final = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "YI"})
_TRIPLES: Final = UNSPACED - _PAIRS

_ASCII_WORD: Final = re.compile(r"[a-z0-9]+")
_CLITIC: Final = re.compile(r"(?<=[a-z])'(?:s|t|re|ll|ve|d|m)(?![a-z])")
_THOUSANDS: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")

_local: Final = threading.local()


def words(text: str) -> list[str]:
    """The words of a passage, in order and as often as they occur, for the index.

    What comes out holds ASCII letters and digits, or characters beyond ASCII: no blanks, no
    punctuation, no lone surrogates.
    """
    return _analysed(text[:LONGEST_TEXT], asked=False)


def asked_words(text: str) -> list[str]:
    """The words by which a question looks for passages, each once, in order.

    Differs from `words` where a question is too short to tell its language, or where the index
    holds more forms than it needs to be asked for.
    """
    return list(dict.fromkeys(_analysed(text[:LONGEST_TEXT], asked=True)))


def _analysed(text: str, *, asked: bool) -> list[str]:
    raw = list(tokens(text))
    spoken_here = spoken(raw)
    if not asked and text.isascii():
        return _of_letters(raw, spoken_here.get("LATIN"))
    found: list[str] = []
    for token in raw:
        name = script(token[0])
        if name in _PAIRS:
            found += _pairs(token, asked=asked)
        elif name in _TRIPLES:
            found += _runs(token, 3)
        else:
            found += _stems(token, spoken_here.get(name), asked=asked)
    return found


def _of_letters(raw: Sequence[str], language: Language | None) -> list[str]:
    """As the loop of `_analysed`, which it is twice as fast as, for what most texts are made of."""
    if language is None or not language.stemmer:
        skipped = language.function if language else ()
        return [token for token in raw if token not in skipped]
    stem = _stemmer(language.stemmer).stemWord
    function = language.function
    return [
        found
        for token in raw
        if token not in function and (found := token if token[0].isdigit() else stem(token))
    ]


def tokens(text: str) -> Iterator[str]:
    """The words of `text` folded but not stemmed, each of one script."""
    folded = _THOUSANDS.sub("", _CLITIC.sub("", fold(text)[:LONGEST_TEXT]))
    if folded.isascii():
        for match in _ASCII_WORD.finditer(folded):
            yield _plain(match.group())
        return
    for match in any_word().finditer(folded):
        token = match.group()
        if token.isascii():
            yield _plain(token)
        else:
            yield from _of_one_script(token)


def _plain(token: str) -> str:
    # "07 May" and "7 May" are one day.
    if token[0] == "0" and len(token) == 2 and token[1].isdigit():
        return token[1]
    return token[:_LONGEST_WORD]


def _of_one_script(token: str) -> Iterator[str]:
    """`token` cut where another way of writing begins, as in a Latin word inside Chinese."""
    kind = ""
    kinds: list[tuple[str, str]] = []
    for letter in token:
        own = script(letter)
        if not unicodedata.category(letter).startswith("M"):
            kind = _way(own, letter)
        kinds.append((kind, letter))
    for way, run in groupby(kinds, key=lambda pair: pair[0]):
        piece = "".join(letter for _, letter in run)
        if way == "number":
            yield "".join(str(unicodedata.digit(digit, 0)) for digit in piece)[:_LONGEST_WORD]
        elif way == "spaced":
            yield piece[:_LONGEST_WORD]
        else:
            yield piece


def _way(name: str, letter: str) -> str:
    if letter.isdecimal():
        return "number"
    if name == "HANGUL" or name not in _PAIRS:
        return "dense" if name in _TRIPLES or name == "HANGUL" else "spaced"
    return "pairs"


@cache
def any_word() -> re.Pattern[str]:
    """Letters and digits with the marks that belong to them, which `[^\\W_]` does not hold."""
    marks = [
        chr(code) for code in range(0x300, 0x1_2000) if unicodedata.category(chr(code))[0] == "M"
    ]
    return re.compile(f"[^\\W_](?:[^\\W_]|[{''.join(marks)}])*")


def _pairs(token: str, *, asked: bool) -> list[str]:
    """Overlapping pairs of characters. Chinese characters are indexed alone too, so that a question
    of a single one finds them."""
    if len(token) == 1:
        return [token]
    pairs = _runs(token, 2)
    if not asked:
        return [*pairs, *(letter for letter in token if script(letter) == "CJK")]
    telling = [pair for pair in pairs if {script(letter) for letter in pair} != {"HIRAGANA"}]
    return telling or pairs


def _runs(token: str, length: int) -> list[str]:
    if len(token) <= length:
        return [token]
    return [token[at : at + length] for at in range(len(token) - length + 1)]


def _stems(token: str, language: Language | None, *, asked: bool) -> list[str]:
    if language is None:
        return [bare(token)]
    if token in language.function or (asked and token in language.reporting):
        return []
    stem = bare(stemmed(token, language.stemmer))
    if asked and language.code != "en" and token[0].isascii():
        # The passage may be English, or too short to tell that it is not.
        other = bare(stemmed(token, "english"))
        return [stem] if other == stem else [stem, other]
    return [stem] if stem else []


def stemmed(token: str, algorithm: str) -> str:
    """`token` by a Snowball algorithm; unchanged where there is none for its language."""
    if not algorithm or token[0].isdigit():
        return token
    return _stemmer(algorithm).stemWord(token)


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...  # noqa: N802 -- the name that PyStemmer gives it


def _stemmer(algorithm: str) -> _Stemmer:
    """A stemmer of this thread: its objects are not to be shared, and keep their own cache."""
    mine: dict[str, _Stemmer] | None = getattr(_local, "stemmers", None)
    if mine is None:
        mine = _local.stemmers = {}
    found = mine.get(algorithm)
    if found is None:
        import Stemmer

        make: Any = getattr(Stemmer, "Stemmer")  # noqa: B009 -- it comes without types
        found = mine[algorithm] = make(algorithm)
    return found


def rarity(documents: Iterable[Sequence[str]]) -> dict[str, float]:
    """How much each word tells among these lists of words: its inverse document frequency."""
    total = 0
    holding: Counter[str] = Counter()
    for document in documents:
        total += 1
        holding.update(set(document))
    return {
        word: math.log(1 + (total - count + 0.5) / (count + 0.5)) for word, count in holding.items()
    }


_UNKNOWN_RARITY: Final = 4.0
"""Of a word where no rarities are given: about that of one word in fifty passages."""
_ASKING: Final = re.compile(r"[?\uff1f\u061f\u037e]+[^\w]*$")
_STATEMENT: Final = re.compile(r"[.!\u3002\uff01\u0964](?:\s|$)")
_PICTURE: Final = re.compile(r"\[(?:image|photo|picture|shares|shared)\b", re.IGNORECASE)


def only_asks(text: str) -> bool:
    """Whether `text` is a question and nothing else: what answers it stands elsewhere."""
    end = _ASKING.search(text[-200:])
    return bool(end) and not _STATEMENT.search(text[:2_000])


def information(text: str, rarity: Mapping[str, float] | None = None) -> float:
    """What `text` would be missed for: the sum of the rarities of its different words.

    Statements, numbers and pictures count more than questions. By it is pruned, least first.

    Args:
        text: One passage.
        rarity: Of the owner's words, by `rarity`; without it each word counts alike.
    """
    known = rarity or {}
    distinct = set(words(text))
    total = sum(known.get(word, _UNKNOWN_RARITY) for word in distinct)
    if only_asks(text):
        total *= 0.6
    if any(word[0].isdigit() for word in distinct):
        total *= 1.15
    if _PICTURE.search(text[:2_000]):
        total *= 1.15
    return total
