"""Values that fit a JSON Schema, as strategies of Hypothesis. Used by `fuzz`.

What a schema says by example, default or enumeration is drawn often, since made-up words lead
nowhere in most servers. What cannot be built (patterns that contradict a length, `not`) is found by
filtering, so a value that is drawn always fits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from hypothesis import strategies as st

from muxi.core.json_shapes import is_object
from muxi.devkit.schemas import fits

Strategy = st.SearchStrategy[Any]

_DEEPEST: Final = 4
"""Levels of references that are followed; beyond, a schema that refers to itself ends."""
_LONGEST: Final = 40
_TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
_MERGED: Final = ("allOf", "anyOf", "oneOf", "$ref")
_TEXT: Final = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))


def values(schema: Mapping[str, Any]) -> Strategy:
    """Values that fit `schema`."""
    return _Maker(schema).of(schema, 0).filter(lambda value: fits(value, schema))


class _Maker:
    """Strategies for the parts of one schema."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root

    def of(self, schema: Any, depth: int) -> Strategy:
        if schema is True or schema == {}:
            return _anything()
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return st.nothing()
        part = cast("dict[str, Any]", schema)
        if "const" in part:
            return st.just(part["const"])
        if isinstance(part.get("enum"), list):
            return st.sampled_from(part["enum"]) if part["enum"] else st.nothing()
        if "$ref" in part:
            found = self._referred(part["$ref"])
            rest = {key: value for key, value in part.items() if key != "$ref"}
            return self.of({**found, **rest} if isinstance(found, dict) else found, depth + 1)
        made = self._combined(part, depth)
        said = _said(part)
        return st.one_of(st.sampled_from(said), made) if said else made

    def _combined(self, part: dict[str, Any], depth: int) -> Strategy:
        plain = {key: value for key, value in part.items() if key not in _MERGED}
        for one in part.get("allOf") or ():
            inner = self._resolved(one)
            plain = _merged(plain, inner)
        for key in ("anyOf", "oneOf"):
            choices = part.get(key)
            if isinstance(choices, list) and choices:
                branches = [
                    _merged(plain, self._resolved(each)) for each in cast("list[Any]", choices)
                ]
                return st.one_of([self.of(each, depth + 1) for each in branches])
        kinds = plain.get("type", _TYPES)
        names = [kinds] if isinstance(kinds, str) else list(kinds)
        return st.one_of([self._typed(str(name), plain, depth) for name in names])

    def _typed(self, kind: str, part: dict[str, Any], depth: int) -> Strategy:
        match kind:
            case "object":
                return self._object(part, depth)
            case "array":
                return self._array(part, depth)
            case "string":
                return _text(part)
            case "integer":
                return _integer(part)
            case "number":
                return _number(part)
            case "boolean":
                return st.booleans()
            case "null":
                return st.none()
            case _:
                return st.nothing()

    def _object(self, part: dict[str, Any], depth: int) -> Strategy:
        properties = cast("dict[str, Any]", part.get("properties") or {})
        required = {str(name) for name in part.get("required") or ()}
        made = {name: self.of(inner, depth + 1) for name, inner in properties.items()}
        made |= {name: _anything() for name in required - made.keys()}
        optional = {
            name: strategy
            for name, strategy in made.items()
            if name not in required and not strategy.is_empty
        }
        return st.fixed_dictionaries(
            {name: made[name] for name in made if name in required}, optional=optional
        )

    def _array(self, part: dict[str, Any], depth: int) -> Strategy:
        smallest = int(part.get("minItems", 0))
        largest = min(int(part.get("maxItems", smallest + 5)), max(smallest, 8))
        first = [self.of(each, depth + 1) for each in part.get("prefixItems") or ()]
        if first:
            return st.tuples(*first).map(list)
        item = self.of(part.get("items", True), depth + 1)
        if item.is_empty:
            return st.just([])
        unique = repr if part.get("uniqueItems") else None
        return st.lists(item, min_size=smallest, max_size=largest, unique_by=unique)

    def _resolved(self, schema: Any) -> dict[str, Any]:
        if isinstance(schema, dict):
            part = cast("dict[str, Any]", schema)
            found = self._referred(part["$ref"]) if "$ref" in part else part
            return found if is_object(found) else {}
        return {}

    def _referred(self, reference: Any) -> Any:
        """What a reference within the schema leads to; nothing fits one that leads out of it."""
        if reference == "#":
            return dict(self._root)
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return False
        found: Any = self._root
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                return False
            found = cast("dict[str, Any]", found)[key]
        return found


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = {**one, **other}
    for key in ("properties", "required"):
        if key in one and key in other:
            both[key] = (
                {**one[key], **other[key]} if key == "properties" else [*one[key], *other[key]]
            )
    return both


def _said(part: dict[str, Any]) -> list[Any]:
    examples = part.get("examples")
    said = list(cast("list[Any]", examples)) if isinstance(examples, list) else []
    return [*said, part["default"]] if part.get("default") is not None else said


def _anything() -> Strategy:
    plain = st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(_TEXT, max_size=10)
    return plain | st.lists(plain, max_size=3)


def _text(part: dict[str, Any]) -> Strategy:
    shortest = int(part.get("minLength", 0))
    longest = int(part.get("maxLength", shortest + _LONGEST))
    form = _FORMATS.get(str(part.get("format")))
    if form is not None:
        return form
    pattern = part.get("pattern")
    if isinstance(pattern, str):
        try:
            return st.from_regex(re.compile(pattern), alphabet=_TEXT)
        except (re.error, RecursionError):
            return st.nothing()
    words = st.text(
        st.sampled_from("abcdefghijklmnopqrstuvwxyz "), min_size=shortest, max_size=longest
    )
    return words | st.text(_TEXT, min_size=shortest, max_size=longest)


def _integer(part: dict[str, Any]) -> Strategy:
    low, high = _bounds(part)
    step = part.get("multipleOf", 1)
    if not isinstance(step, int) or step < 1:
        step = 1
    smallest = None if low is None else math.ceil(low / step)
    largest = None if high is None else math.floor(high / step)
    if smallest is None and largest is None:
        # Beyond these, JSON's numbers are no longer the same in every language.
        smallest, largest = -(2**53) // step, 2**53 // step
    if smallest is not None and largest is not None and smallest > largest:
        return st.nothing()
    return st.integers(smallest, largest).map(lambda value: value * step)


def _number(part: dict[str, Any]) -> Strategy:
    low, high = _bounds(part)
    whole = _integer(part)
    if "multipleOf" in part:
        return whole
    return whole | st.floats(low, high, allow_nan=False, allow_infinity=False, width=64)


def _bounds(part: dict[str, Any]) -> tuple[float | None, float | None]:
    """The smallest and largest number; exclusive ones are met by the filter."""
    lows = [part[key] for key in ("minimum", "exclusiveMinimum") if _is_number(part.get(key))]
    highs = [part[key] for key in ("maximum", "exclusiveMaximum") if _is_number(part.get(key))]
    return (max(lows) if lows else None), (min(highs) if highs else None)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_FORMATS: Final[dict[str, Strategy]] = {
    "date": st.dates().map(str),
    "date-time": st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    "time": st.times().map(lambda moment: moment.isoformat() + "Z"),
    "email": st.sampled_from(["ada@example.org", "a.b+c@example.com"]),
    "uri": st.sampled_from(["https://example.org/", "https://example.org/a?b=c#d", "urn:a:b"]),
    "uuid": st.uuids().map(str),
    "ipv4": st.sampled_from(["192.0.2.1", "203.0.113.9"]),
    "ipv6": st.sampled_from(["2001:db8::1", "::1"]),
    "hostname": st.sampled_from(["example.org", "a.example"]),
}
