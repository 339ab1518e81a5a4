"""Answers of the embedded model to what its user asks about themselves, from what memory knows.

Called by `model`, whose small language model would make something up. It reads the profile that
memory puts among the instructions, a fact a line, and must never say what no line says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from muxi.core.json_shapes import is_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Encode = Callable[[Sequence[str]], NDArray[np.float32]]

# As `memory.profile` writes a fact; models stand below memory, so they share a test, not the code.
_FACT: Final = re.compile(r"^- ([\w.]+): (.+) \(since \d{4}-\d{2}-\d{2}\)$", re.MULTILINE)
_WORD: Final = re.compile(r"[a-z]+(?:['’][a-z]+)?")
_ASKING: Final = frozenset(
    (
        *("what", "what's", "whats", "which", "who", "who's", "where", "where's"),
        *("when", "when's", "how", "do", "does", "did", "am", "is", "are"),
    )
)
_ONESELF: Final = frozenset(("i", "i'm", "my", "me", "mine"))
_ADVICE: Final = frozenset(
    ("should", "can", "could", "would", "may", "might", "will", "shall", "must")
)
"""Words of questions about what could be, which no fact answers."""
_NEAR: Final = 0.39
"""Likeness from which a fact answers a question: of the 32 questions on which it was chosen, 31
fare rightly by it with MiniLM, and 24 with the static table, which does not find the rest."""
_BESIDE: Final = 0.03
"""Facts that are nearly as near as the nearest are told with it."""


def answer(question: str, instructions: str, encode: Encode) -> str | None:
    """What is known of the user that answers `question`; None if that is not what it asks."""
    words = _WORD.findall(question.lower().replace("’", "'"))
    if not words or words[0] not in _ASKING or not _ONESELF & set(words) or _ADVICE & set(words):
        return None
    facts = _facts(instructions)
    if not facts:
        return None
    asked = [f"What is my {path}?" for path, _ in facts]
    said = [f"my {path} is {value}" for path, value in facts]
    vectors = encode([question, *asked, *said])
    near = (vectors[1 : len(facts) + 1] + vectors[len(facts) + 1 :]) @ vectors[0] / 2
    best = float(near.max())
    if best < _NEAR:
        return None
    told = [
        f"{value} (your {path})"
        for (path, value), likeness in zip(facts, near, strict=True)
        if float(likeness) >= best - _BESIDE
    ]
    return ", ".join(told)


def _facts(instructions: str) -> list[tuple[str, str]]:
    """What is known: the words of each path, and the value."""
    return [
        (re.sub(r"[._]+", " ", path), _shown(value)) for path, value in _FACT.findall(instructions)
    ]


def _shown(value: str) -> str:
    """A value for people: a list without its brackets."""
    try:
        known: object = json.loads(value)
    except ValueError:
        return value
    return ", ".join(map(str, known)) if is_array(known) else value
