"""Does one JSON Schema admit all that another admits? Called by `schema_change`.

An answer of yes is certain; what is not understood counts as no. Names that the first schema does
not declare are taken as never sent, unless its `additionalProperties` says that they may be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any, Final, cast

from muxi.tools.schema_keywords import Plain
from muxi.tools.schema_values import (
    Root,
    Schema,
    at,
    join,
    mapping,
    types_of,
    values_of,
    without,
    without_words,
)

_DEEPEST: Final = 60
_ENTANGLED: Final = frozenset(
    {"if", "then", "else", "contains", "minContains", "maxContains", "prefixItems", "items"}
)
_COMBINING: Final = ("anyOf", "oneOf", "allOf")


def refusals(old: Schema, new: Schema) -> list[str]:
    """Why `new` refuses something that `old` admits, in words; empty if it admits all of it."""
    found = _Comparison(Root(old), Root(new)).narrower(old, new, "", True)
    return list(dict.fromkeys(found))


class _Comparison:
    """Compares two schemas with all that they refer to."""

    def __init__(self, old: Root, new: Root) -> None:
        self._old = old
        self._new = new
        self._open: list[tuple[str, str, bool]] = []
        """References that are being compared: a schema may refer to itself."""

    def narrower(self, old: Any, new: Any, path: str, closed: bool) -> list[str]:
        """What of `old` is refused by `new` at `path`.

        `closed` tells that undeclared names are not sent, which holds for whole schemas only.
        """
        pair = (_reference(old), _reference(new), closed)
        if (pair[0] and pair[1] and pair in self._open) or self._same(old, new):
            return []
        if len(self._open) > _DEEPEST:
            return [f"{at(path)} cannot be compared"]
        self._open.append(pair)
        before, after = _target(self._old, old), _target(self._new, new)
        found = list(self._resolved(before, after, path, closed))
        self._open.pop()
        return found

    def _same(self, old: Any, new: Any) -> bool:
        before, after = (json.dumps(without_words(each), sort_keys=True) for each in (old, new))
        if before != after:
            return False
        return '"$ref"' not in before or self._old.definitions == self._new.definitions

    def _resolved(self, old: Any, new: Any, path: str, closed: bool) -> Iterator[str]:
        if old is False or new is True or new == {}:
            return
        if new is False:
            yield f"{at(path)} is refused"
            return
        if not isinstance(old, dict | bool) or not isinstance(new, dict):
            yield f"{at(path)} cannot be compared"
            return
        before, after = mapping(cast("Any", old)), mapping(cast("Any", new))
        values = values_of(before)
        if values is None:
            yield from self._combined(before, after, path, closed)
            return
        admitted = [v for v in values if self._old.admits(before, v, unclear=True)]
        gone = [v for v in admitted if not self._new.admits(after, v, unclear=False)]
        if gone:
            yield f"{at(path)} no longer takes {', '.join(map(repr, gone[:5]))}"

    def _combined(self, old: Schema, new: Schema, path: str, closed: bool) -> Iterator[str]:
        """Alternatives and sums, then what is left of both."""
        of_old = next((key for key in _COMBINING if key in old), None)
        of_new = next((key for key in reversed(_COMBINING) if key in new), None)
        if of_old is not None:
            yield from self._combined_before(old, of_old, new, path, closed)
        elif of_new is not None:
            yield from self.narrower(old, without(new, of_new), path, closed)
            yield from self._combined_after(old, new[of_new], of_new, path, closed)
        else:
            yield from Plain(old, new, path).narrower()
            yield from self._inside(old, new, path, closed)

    def _combined_before(
        self, old: Schema, key: str, new: Schema, path: str, closed: bool
    ) -> Iterator[str]:
        rest = without(old, key)
        if key != "allOf":
            for option in old[key]:
                part = _joined(rest, option) if rest else option
                yield from self.narrower(part, new, path, closed and not rest)
        elif all(self.narrower(part, new, path, False) for part in [rest, *old[key]]):
            # Each part alone admits more than all of them together: one that fits is enough.
            yield f"{at(path)} cannot be compared"

    def _combined_after(
        self, old: Schema, options: list[Any], key: str, path: str, closed: bool
    ) -> Iterator[str]:
        if key == "allOf":
            for part in options:
                yield from self.narrower(old, part, path, closed)
            return
        if key == "oneOf" and not self._apart(options):
            yield f"{at(path)} cannot be compared"
            return
        types = sorted(types_of(old))
        for name in types:
            each = {**old, "type": name} if len(types) > 1 else old
            if all(self.narrower(each, option, path, closed) for option in options):
                yield f"{at(path)} no longer takes all that it took"
                return

    def _apart(self, options: list[Any]) -> bool:
        """Whether no value fits two of the options, by their types or by a name of their kind."""
        schemas = [mapping(_target(self._new, each)) for each in options]
        return all(_disjoint(one, other) for one, other in combinations(schemas, 2))

    def _inside(self, old: Schema, new: Schema, path: str, closed: bool) -> Iterator[str]:
        """What is refused of items and properties."""
        if "array" in types_of(old) and "items" in new and old.get("maxItems") != 0:
            yield from self.narrower(old.get("items", True), new["items"], f"{path}[]", closed)
        if "object" not in types_of(old):
            return
        before: Schema = old.get("properties", {})
        after: Schema = new.get("properties", {})
        others = new.get("additionalProperties", True)
        for name, schema in before.items():
            yield from self.narrower(schema, after.get(name, others), join(path, name), closed)
        sent = old.get("additionalProperties", not closed)
        if sent is False:
            return
        for name in after.keys() - before.keys():
            yield from self.narrower(sent, after[name], join(path, name), closed)
        yield from self.narrower(sent, others, join(path, "*"), closed)


def _target(root: Root, schema: Any) -> Any:
    """What a reference stands for, with what is said beside it."""
    for _ in range(_DEEPEST):
        reference = _reference(schema)
        if not reference:
            break
        rest, found = without(mapping(schema), "$ref"), root.target(reference)
        if found is None:
            return None
        schema = {"allOf": [found, rest]} if rest else found
    return schema


def _reference(schema: Any) -> str:
    found = mapping(schema).get("$ref")
    return found if isinstance(found, str) else ""


def _joined(rest: Schema, part: Any) -> Schema:
    """Both as one schema, side by side where no keyword of one means anything to the other."""
    other = mapping(part)
    if other and not (rest.keys() & other.keys()) and not (rest.keys() | other.keys()) & _ENTANGLED:
        return {**rest, **other}
    return {"allOf": [rest, part]}


def _disjoint(one: Schema, other: Schema) -> bool:
    """Whether no value fits both: by their types, or by a property that tells their kinds apart."""
    types = [
        {"number" if each == "integer" else each for each in types_of(s)} for s in (one, other)
    ]
    if not types[0] & types[1]:
        return True
    if types[0] & types[1] != {"object"}:
        return False
    for name in set(one.get("required", ())) & set(other.get("required", ())):
        kinds = [values_of(mapping(mapping(s.get("properties")).get(name))) for s in (one, other)]
        first, second = kinds
        if first is not None and second is not None and not any(each in second for each in first):
            return True
    return False
