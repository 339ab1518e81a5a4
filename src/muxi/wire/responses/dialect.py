"""What differs between models that speak the Responses format. Asked by `request`.

The facts are those of https://platform.openai.com/docs/guides/reasoning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_GPT = re.compile(r"(?:^|/)gpt-(\d+)(\.\d+)?")
_O_SERIES = re.compile(r"(?:^|/)o\d")


@dataclass(slots=True, frozen=True, kw_only=True)
class Dialect:
    """What one model takes."""

    reasons: bool
    """It always reasons: it gives reasoning to be sent back, and refuses temperature and top_p."""
    least_effort: str | None
    """The effort nearest to none; None when nothing is known of the model."""


@lru_cache(maxsize=256)
def dialect_of(model: str) -> Dialect:
    """The dialect of the model of this name, such as `gpt-5-mini`."""
    name = model.lower()
    if _O_SERIES.search(name):
        return Dialect(reasons=True, least_effort="low")
    found = _GPT.search(name)
    if found is None or int(found[1]) < 5 or "chat" in name:
        return Dialect(reasons=False, least_effort=None)
    return Dialect(
        reasons=True, least_effort="none" if found[2] or int(found[1]) > 5 else "minimal"
    )
