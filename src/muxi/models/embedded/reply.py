"""The answer after tools have run, told from their results without letting a small model retell
them. Called by `model`; never invents a word that no tool said."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from muxi.core.messages import ToolResultPart

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Encode = Callable[[Sequence[str]], NDArray[np.float32]]

_SHORT: Final = 600
_LONGEST: Final = 900
_PASSAGES: Final = 150


def answer(question: str, results: Sequence[ToolResultPart], encode: Encode) -> str:
    """What the results say to `question`: a short one whole, of a long one what is nearest."""
    return "\n\n".join(_one(question, result, encode) for result in results)


def _one(question: str, result: ToolResultPart, encode: Encode) -> str:
    text = result.text.strip()
    if result.outcome != "ok":
        said = {"denied": "was not allowed", "cancelled": "was cancelled"}
        return f"The tool {result.name} {said.get(result.outcome, 'failed')}: {text}".rstrip(": ")
    if not text:
        return f"The tool {result.name} is done; it returned nothing to show."
    return text if len(text) <= _SHORT else _excerpt(question, text, encode)


def _excerpt(question: str, text: str, encode: Encode) -> str:
    """The passages nearest to the question, in their order, with marks where one is missing."""
    passages = _passages(text)[:_PASSAGES]
    vectors = encode([question, *passages])
    nearness = vectors[1:] @ vectors[0]
    order = sorted(
        range(len(passages)), key=lambda i: -(float(nearness[i]) + (0.2 if i == 0 else 0))
    )
    room = _LONGEST
    kept: set[int] = set()
    for index in order:
        if len(passages[index]) <= room:
            kept.add(index)
            room -= len(passages[index])
    if not kept:
        return passages[order[0]][:_LONGEST] + " ..."
    pieces: list[str] = []
    for index, passage in enumerate(passages):
        if index in kept:
            pieces.append(passage)
        elif pieces and pieces[-1] != "...":
            pieces.append("...")
    return "\n".join(pieces)


def _passages(text: str) -> list[str]:
    """Blocks between empty lines; a block that is too long falls into lines, and those into
    sentences."""
    out: list[str] = []
    for block in re.split(r"\n\s*\n", text):
        if len(block) <= _SHORT:
            out.append(block.strip())
            continue
        for line in block.splitlines():
            whole = len(line) <= _SHORT
            out += [line.strip()] if whole else re.split(r"(?<=[.!?])\s+", line.strip())
    return [passage for passage in out if passage]
