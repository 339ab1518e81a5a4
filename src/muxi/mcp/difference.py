"""How two definitions differ, as text for a person who has to decide. Called by `lock`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any, cast

from muxi.mcp.poison import visible
from muxi.mcp.surface import canonical

_PLAIN = re.compile(r"[\w$-]+")
"""Keys that need no quotes to be told from a place."""
_MOST_LINES = 400
"""Lines of a difference that are shown; a person reads no more before deciding."""


def difference(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """From `before` to `after`, either of which may be missing, as a unified diff.

    Texts keep their line ends, and what is invisible in them is written as code points: two texts
    that differ look different.
    """
    old = [] if before is None else list(_lines(before, ""))
    new = [] if after is None else list(_lines(after, ""))
    lines = list(unified_diff(old, new, "locked", "offered", lineterm="", n=2))
    if len(lines) > _MOST_LINES:
        lines[_MOST_LINES:] = [f"… {len(lines) - _MOST_LINES:,} further lines"]
    if not lines and canonical(before) != canonical(after):
        return "They differ in a way that cannot be seen, which nobody does by accident."
    return "\n".join(lines)


def _lines(value: Any, place: str) -> Iterator[str]:
    """A value as lines of `place: value`, in an order that does not depend on how it was sent."""
    if isinstance(value, Mapping) and value:
        for key, inner in sorted(cast("Mapping[str, Any]", value).items()):
            name = visible(key if _PLAIN.fullmatch(key) else json.dumps(key, ensure_ascii=False))
            yield from _lines(inner, f"{place}.{name}" if place else name)
    elif isinstance(value, list) and any(isinstance(one, dict) for one in cast("list[Any]", value)):
        for index, inner in enumerate(cast("list[Any]", value)):
            yield from _lines(inner, f"{place}[{index}]")
    elif isinstance(value, str) and "\n" in value:
        yield f"{place}: |"
        yield from (f"    {visible(line)}" for line in value.split("\n"))
    else:
        yield f"{place}: {visible(canonical(value))}"
