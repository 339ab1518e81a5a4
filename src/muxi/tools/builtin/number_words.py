"""Numbers in English words: "twelve hundred", "two and a half", "a third". Used by `arithmetic` and
`calendar_day`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

_SMALL = (
    "zero",
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
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
)
_TENS = (
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
)

UNITS: dict[str, int] = {word: value for value, word in enumerate(_SMALL)}
TENS: dict[str, int] = {word: value for value, word in zip(range(20, 100, 10), _TENS, strict=True)}
SCALES: dict[str, int] = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1_000,
    "million": 10**6,
    "billion": 10**9,
    "trillion": 10**12,
}
_ORDINALS = (
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
)
ORDINALS: dict[str, int] = {word: value for value, word in enumerate(_ORDINALS, 1)}
PARTS: dict[str, int] = {
    "half": 2,
    "halves": 2,
    "quarter": 4,
    "quarters": 4,
    "hundredth": 100,
    "hundredths": 100,
} | {word + plural: value for word, value in ORDINALS.items() if value > 2 for plural in ("", "s")}
"""Names of the parts of one."""

_HYPHENED = re.compile(rf"\b({'|'.join(_TENS)})-({'|'.join(_SMALL[1:10])})\b")


def without_hyphens(text: str) -> str:
    """ "twenty-one" with a space, so that its hyphen is not taken for a minus."""
    return _HYPHENED.sub(r"\1 \2", text)


def is_number_word(word: str) -> bool:
    return word in UNITS or word in TENS or word in SCALES


def read_number(words: Sequence[str], first: Fraction | None = None) -> tuple[Fraction, int]:
    """The number that `words` begin with, and how many of them it takes.

    Args:
        words: Lower-case words; what follows the number is left alone.
        first: A number in digits that stood before them, as in "2.5 million".
    """
    total = Fraction(0)
    group = first
    used = 0
    last = 10**15 if first is None else 0
    while used < len(words):
        word = words[used]
        if word == "and" and last in SCALES.values() and _continues(words, used + 1):
            used += 1
            continue
        value = UNITS.get(word) or TENS.get(word)
        if value is not None and value < last and (value < 10 or last >= 100):
            group = (group or Fraction(0)) + value
            last = value if value >= 20 else 0
        elif word == "zero" and group is None:
            group, last = Fraction(0), 0
        elif word in SCALES:
            group = (Fraction(1) if group is None else group) * SCALES[word]
            last = SCALES[word]
            if last >= 1_000:
                total, group = total + group, None
        else:
            break
        used += 1
    number = total + (group or 0)
    if used and words[used - 1] in UNITS and words[used : used + 1] == ["point"]:
        digits = _digits(words[used + 1 :])
        number += Fraction(int(digits or "0"), 10 ** len(digits))
        used += 1 + len(digits)
    return number, used


def _continues(words: Sequence[str], at: int) -> bool:
    return at < len(words) and (words[at] in UNITS or words[at] in TENS)


def _digits(words: Sequence[str]) -> str:
    digits = ""
    for word in words:
        value = UNITS.get(word)
        if value is None or value > 9:
            break
        digits += str(value)
    return digits
