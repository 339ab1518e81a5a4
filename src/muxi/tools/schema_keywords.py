"""Keywords of two JSON Schemas at one place, without what is inside. Called by `schema_admits`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from muxi.tools.schema_values import Schema, at, join, types_of, without_words

_AS_ONE: Final = (
    ("not",),
    ("if", "then", "else"),
    ("contains", "minContains", "maxContains"),
    ("propertyNames",),
    ("dependentSchemas",),
    ("contentEncoding", "contentMediaType", "contentSchema"),
)
"""Keywords that are not looked into: they may go, but not come or change."""
_FIXED: Final = ("prefixItems", "patternProperties")
"""Keywords that others depend on: they may not even go."""
_BEYOND: Final = ("$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties")
"""Keywords that depend on what stands elsewhere."""


class Plain:
    """Compares the keywords of one place, without what is inside of it."""

    def __init__(self, old: Schema, new: Schema, path: str) -> None:
        self._old, self._new, self._path = old, new, path
        self._types = types_of(old)

    def narrower(self) -> Iterator[str]:
        yield from self._opaque()
        wanted = types_of(self._new) if "type" in self._new else self._types
        for name in sorted(self._types):
            if name not in wanted and not (name == "integer" and "number" in wanted):
                yield f"{at(self._path)} no longer takes {name}"
        if "enum" in self._new or "const" in self._new:
            yield f"{at(self._path)} takes certain values only"
        if self._types & {"number", "integer"}:
            yield from self._numbers()
        if "string" in self._types:
            yield from self._bounds("minLength", "maxLength")
            yield from self._equal("pattern", "format")
        if "array" in self._types:
            yield from self._bounds("minItems", "maxItems")
            if self._new.get("uniqueItems") and not self._old.get("uniqueItems"):
                yield f"{at(self._path)} must not repeat items"
        if "object" in self._types:
            yield from self._bounds("minProperties", "maxProperties")
            yield from self._required()

    def _opaque(self) -> Iterator[str]:
        for keys in _AS_ONE:
            before = {key: without_words(self._old.get(key)) for key in keys}
            after = {key: without_words(self._new.get(key)) for key in keys}
            if any(key in self._new for key in keys) and before != after:
                yield f"{at(self._path)} has another `{keys[0]}`"
        for key in _FIXED:
            if without_words(self._old.get(key)) != without_words(self._new.get(key)):
                yield f"{at(self._path)} has another `{key}`"
        if any(key in self._new or key in self._old for key in _BEYOND):
            yield f"{at(self._path)} cannot be compared"

    def _numbers(self) -> Iterator[str]:
        for plain, strict, sign in (
            ("minimum", "exclusiveMinimum", 1),
            ("maximum", "exclusiveMaximum", -1),
        ):
            before = _limit(self._old, plain, strict, sign)
            after = _limit(self._new, plain, strict, sign)
            if after is not None and (before is None or before < after):
                yield f"{at(self._path)} has a narrower `{plain}`"
        step = self._new.get("multipleOf")
        if step is not None:
            default = 1 if "number" not in self._types else None
            before = self._old.get("multipleOf", default)
            if before is None or (Fraction(str(before)) / Fraction(str(step))).denominator != 1:
                yield f"{at(self._path)} must be a multiple of {step}"

    def _bounds(self, least: str, most: str) -> Iterator[str]:
        if self._new.get(least, 0) > self._old.get(least, 0):
            yield f"{at(self._path)} has a greater `{least}`"
        if most in self._new and self._old.get(most, float("inf")) > self._new[most]:
            yield f"{at(self._path)} has a smaller `{most}`"

    def _equal(self, *keys: str) -> Iterator[str]:
        for key in keys:
            if key in self._new and self._old.get(key) != self._new[key]:
                yield f"{at(self._path)} has another `{key}`"

    def _required(self) -> Iterator[str]:
        before: list[str] = self._old.get("required", [])
        for name in self._new.get("required", []):
            if name not in before:
                yield f"{at(join(self._path, name))} is required"
        after: Mapping[str, list[str]] = self._new.get("dependentRequired", {})
        for name, needed in after.items():
            known = {*before, *self._old.get("dependentRequired", {}).get(name, [])}
            if not known.issuperset(needed):
                yield f"{at(join(self._path, name))} asks for other arguments"


def _limit(schema: Schema, plain: str, strict: str, sign: int) -> tuple[Fraction, bool] | None:
    """The tighter of both bounds, and whether it is itself excluded; the greater, the tighter."""
    given = [key for key in (plain, strict) if key in schema]
    return max(((sign * Fraction(str(schema[key])), key == strict) for key in given), default=None)
