"""Whether all values of one JSON Schema are admitted by another: for the contract of the API.

It knows what pydantic writes. Where it cannot tell, it says no.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_WORDS = {"default", "description", "discriminator", "example", "examples", "summary", "title"}
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_AS_THEY_ARE = ("pattern", "format", "multipleOf", "uniqueItems", "propertyNames", "prefixItems")


class Fits:
    """Compares schemas whose references are of two documents' definitions.

    Args:
        giving: Definitions of what is given.
        taking: Definitions of what it is taken by.
        whole: Whether a member that may be left out must at least be known to both.
    """

    def __init__(self, giving: Schema, taking: Schema, *, whole: bool = False) -> None:
        self._giving, self._taking = giving, taking
        self._whole = whole
        self._seen: dict[tuple[str, str], list[str]] = {}

    def reasons(self, given: Schema, taken: Schema, where: str = "it") -> list[str]:
        """Why not all that `given` describes is admitted by `taken`; nothing if it is."""
        names = (given.get("$ref", ""), taken.get("$ref", ""))
        if not any(names):
            return list(self._compare(given, taken, where))
        if names not in self._seen:
            # What is being compared may refer to itself.
            self._seen[names] = []
            one, other = _target(given, self._giving), _target(taken, self._taking)
            self._seen[names] = self.reasons(one, other, names[0].rpartition("/")[2] or where)
        return self._seen[names]

    def _compare(self, given: Schema, taken: Schema, where: str) -> Iterator[str]:
        if not set(taken) - _WORDS:
            return
        options = given.get("anyOf") or given.get("oneOf")
        if options:
            for option in options:
                yield from self.reasons(option, taken, where)
            return
        choices = taken.get("anyOf") or taken.get("oneOf")
        if choices:
            if all(self.reasons(given, choice, where) for choice in choices):
                yield f"{where}: what it may be has changed"
            return
        yield from _compare_values(given, taken, where)
        yield from self._compare_members(given, taken, where)
        if "items" in taken:
            yield from self.reasons(given.get("items", {}), taken["items"], f"{where}[]")

    def _compare_members(self, given: Schema, taken: Schema, where: str) -> Iterator[str]:
        have, know = given.get("properties", {}), taken.get("properties", {})
        for name in sorted(set(taken.get("required", ())) - set(given.get("required", ()))):
            yield f"{where}.{name}: need not be there"
        if self._whole:
            for name in sorted(set(know) - set(have)):
                yield f"{where}.{name}: is gone"
        more = taken.get("additionalProperties", True)
        for name, schema in have.items():
            if name in know:
                yield from self.reasons(schema, know[name], f"{where}.{name}")
            elif more is False:
                yield f"{where}.{name}: is not known"
        if given.get("type") == "object" and more is False:
            if given.get("additionalProperties", True) is not False:
                yield f"{where}: may hold members that are not known"
        elif isinstance(more, Mapping) and isinstance(
            own := given.get("additionalProperties", {}), Mapping
        ):
            yield from self.reasons(own, more, f"{where}.*")


def _compare_values(given: Schema, taken: Schema, where: str) -> Iterator[str]:
    if "type" in taken and not _types(given) <= _types(taken):
        yield f"{where}: may be {' or '.join(sorted(_types(given))) or 'anything'}"
    admitted = _values(taken)
    if admitted is not None:
        values = _values(given)
        if values is None:
            yield f"{where}: may have any value"
        elif lost := [value for value in values if value not in admitted]:
            yield f"{where}: may be {lost[0]!r}"
    yield from _compare_bounds(given, taken, where)


def _compare_bounds(given: Schema, taken: Schema, where: str) -> Iterator[str]:
    for key in _LOWER:
        if key in taken and given.get(key, float("-inf")) < taken[key]:
            yield f"{where}: {key} {taken[key]} is not kept"
    for key in _UPPER:
        if key in taken and given.get(key, float("inf")) > taken[key]:
            yield f"{where}: {key} {taken[key]} is not kept"
    for key in _AS_THEY_ARE:
        if key in taken and given.get(key) != taken[key] and _values(given) is None:
            yield f"{where}: {key} is another"


def _types(schema: Schema) -> set[str]:
    kind = schema.get("type")
    if kind is None and "const" in schema:
        return {"string"} if isinstance(schema["const"], str) else {"other"}
    kinds = {kind} if isinstance(kind, str) else set(kind or ())
    return kinds or {"anything"}


def _values(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return schema.get("enum")


def _target(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" not in schema:
        return schema
    found: Schema = definitions[schema["$ref"].rpartition("/")[2]]
    return found
