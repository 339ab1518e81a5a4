"""What differs between models that speak generateContent. Asked by `request`.

The facts are those of the pages on thinking, thought signatures, function calling and structured
output under https://ai.google.dev/gemini-api/docs/.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_VERSION = re.compile(r"gemini-(\d+)(?:\.(\d+))?")


@dataclass(slots=True, frozen=True, kw_only=True)
class Dialect:
    """What one model takes."""

    levels: bool
    """Thinking is asked for by level; else by a budget of tokens."""
    least_budget: int
    """The smallest budget of tokens; where it is not 0, thinking cannot be switched off."""
    signatures: bool
    """Calls without the signature that came with them are refused."""
    rich: bool
    """Tools may be offered beside a schema of the answer, and may give back media."""


@lru_cache(maxsize=256)
def dialect_of(model: str) -> Dialect:
    """The dialect of the model of this name, such as `gemini-2.5-flash`.

    A name without a version is taken for one of the newest.
    """
    found = _VERSION.search(model.lower())
    newer = found is None or int(found[1]) >= 3
    return Dialect(
        levels=newer,
        least_budget=128 if "pro" in model.lower() else 0,
        signatures=newer,
        rich=newer,
    )
