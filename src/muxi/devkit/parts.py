"""Parts of JSON by their place, such as `items.0.id`. Used by cases, snapshots and pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

MISSING: Final = object()
"""What `part_of` gives where there is nothing."""


def part_of(value: Any, place: str) -> Any:
    """What stands at `place` in `value`, or `MISSING`; an empty place is the whole."""
    for step in place.split(".") if place else ():
        if isinstance(value, dict):
            value = cast("dict[str, Any]", value).get(step, MISSING)
        elif isinstance(value, list) and step.lstrip("-").isdecimal():
            items = cast("list[Any]", value)
            value = items[int(step)] if -len(items) <= int(step) < len(items) else MISSING
        else:
            return MISSING
    return value


def without(value: Any, places: tuple[str, ...], mark: str) -> Any:
    """`value` with `mark` in these places; `*` stands for every key or index."""
    for place in places:
        value = _marked(value, place.split("."), mark)
    return value


def differences(wanted: Any, found: Any, place: str = "") -> Iterator[str]:
    """What `found` lacks of `wanted`, in words; objects may hold more than is wanted."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        have = cast("dict[str, Any]", found)
        for key, value in cast("dict[str, Any]", wanted).items():
            inner = f"{place}.{key}" if place else key
            if key not in have:
                yield f"`{inner}` is missing"
            else:
                yield from differences(value, have[key], inner)
    elif isinstance(wanted, list) and isinstance(found, list):
        expected, items = cast("list[Any]", wanted), cast("list[Any]", found)
        if len(expected) != len(items):
            yield f"{_named(place)} has {len(items)} items instead of {len(expected)}"
        for index, (value, item) in enumerate(zip(expected, items, strict=False)):
            yield from differences(value, item, f"{place}.{index}" if place else str(index))
    elif not _same(wanted, found):
        yield f"{_named(place)} is {found!r} instead of {wanted!r}"


def _same(wanted: Any, found: Any) -> bool:
    """Equal as JSON: `1` and `1.0` are, `1` and `true` are not."""
    return isinstance(wanted, bool) == isinstance(found, bool) and wanted == found


def _named(place: str) -> str:
    return f"`{place}`" if place else "the result"


def _marked(value: Any, steps: list[str], mark: str) -> Any:
    if not steps:
        return mark
    step, rest = steps[0], steps[1:]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value)
        return {k: _marked(v, rest, mark) if step in (k, "*") else v for k, v in pairs.items()}
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return [_marked(v, rest, mark) if step in (str(i), "*") else v for i, v in enumerate(items)]
    return value
