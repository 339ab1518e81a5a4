"""What an answer merely repeats of what its model was given. Called by `writing`.

A model that is shown a memory says it again; were that remembered, it would be shown twice the next
time, and soon nothing else. So what repeats a recalled text or the output of a tool is left out of
what is remembered of an answer. It never looks at what a person says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from muxi.retrieval.words import words

Analyse = Callable[[str], Sequence[str]]

_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")
_MADE_OF: Final = 0.7
"""Share of a sentence's words in one recalled text from which on it is taken from there."""
_CONTAINS: Final = 0.6
"""Share of a recalled text's words in a sentence from which on the sentence tells it again, ..."""
_LITTLE_MORE: Final = 4
"""... unless it has so many words that are new."""
_RUN: Final = 4
"""Words in a row that a sentence shares with a tool's output only if it was taken from there."""
_PHRASE: Final = 2
"""Words that a sentence needs around a fact to say nothing more than the fact."""
_REST: Final = 3
"""Words that must be left to make a memory: fewer are a phrase around what was left out."""


class Given:
    """What a model was shown in a run beside the words of its user.

    Args:
        recalled: Texts of memories, and the lines with speaker and date that the model saw.
        outputs: What tools gave.
        asked: Questions, and what the user says: an answer repeats their words and adds to them, so
            that only what adds nothing is a repetition.
        facts: Path and value of what the model was told of its user.
        analyse: Text into words; one that keeps what it has found saves much, since the same texts
            are given in several of these ways.
    """

    def __init__(
        self,
        recalled: Iterable[str] = (),
        outputs: Iterable[str] = (),
        asked: Iterable[str] = (),
        facts: Iterable[tuple[str, str]] = (),
        *,
        analyse: Analyse = words,
    ) -> None:
        self._recalled = [found for text in recalled if (found := set(analyse(text)))]
        self._asked = [set(analyse(text)) for text in asked]
        self._facts = [
            (named, named | set(analyse(path)))
            for path, value in facts
            if (named := set(analyse(value)))
        ]
        self._runs = {run for text in outputs for run in _runs(analyse(text))}

    def __bool__(self) -> bool:
        return bool(self._recalled or self._asked or self._facts or self._runs)

    def repeated_in(self, sentence: str) -> bool:
        """Whether a sentence tells nothing that was not given."""
        said = words(sentence)
        if not said:
            return True
        return self._retells(set(said)) or self._tells_fact(set(said)) or self._quotes(said)

    def _retells(self, said: set[str]) -> bool:
        if any(said <= known for known in self._asked):
            return True
        for known in self._recalled:
            common = len(said & known)
            if common >= _MADE_OF * len(said):
                return True
            retold = len(known) > 1 and common >= _CONTAINS * len(known)
            if retold and len(said) - common < _LITTLE_MORE:
                return True
        return False

    def _tells_fact(self, said: set[str]) -> bool:
        """Whether it is made of facts and hardly anything else: "you live in Lisbon"."""
        told = [of_fact for value, of_fact in self._facts if value <= said]
        return bool(told) and len(said.difference(*told)) <= _PHRASE

    def _quotes(self, said: Sequence[str]) -> bool:
        runs = list(_runs(said))
        return bool(runs) and 2 * sum(run in self._runs for run in runs) >= len(runs)


def sentences(text: str) -> list[str]:
    """The sentences and lines of an answer."""
    return [sentence for sentence in _SENTENCE.split(text) if sentence.strip()]


def said_anew(text: str, given: Given) -> str:
    """`text` without the sentences that repeat what was given; empty if nothing else is in it."""
    if not given:
        return text
    said = sentences(text)
    kept = [sentence for sentence in said if not given.repeated_in(sentence)]
    if len(kept) == len(said):
        return text
    rest = " ".join(kept)
    return rest if len(set(words(rest))) >= _REST else ""


def _runs(said: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Neighbouring words; a shorter text as a whole."""
    if said and len(said) < _RUN:
        yield tuple(said)
    for at in range(len(said) - _RUN + 1):
        yield tuple(said[at : at + _RUN])
