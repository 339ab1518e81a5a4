"""Schemas of tools in the form that providers take. Used by the encoders of requests.

Providers refuse a root that combines schemas, and most know no `allOf` at any depth. Parts of an
`allOf` are merged into one schema that admits the same values; where that cannot be done exactly,
it stays. Alternatives at the root become one object that admits what any of them admits. Nothing is
lost by that: whoever makes a call checks its arguments against the schema as it was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

Schema = dict[str, Any]

_MAPS: Final = frozenset({"properties", "$defs", "definitions", "patternProperties"})
_SCHEMAS: Final = frozenset({"items", "additionalProperties", "contains", "propertyNames", "not"})
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NOTES: Final = frozenset({"title", "description", "default", "examples", "$comment", "deprecated"})
"""What bounds nothing: of two, the outer one stays."""
_LEAST: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_MOST: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_CLOSERS: Final = ("additionalProperties", "unevaluatedProperties", "patternProperties")
_BRANCHES: Final = ("anyOf", "oneOf", "if", "$ref", "$dynamicRef", "dependentSchemas", "not")
_NOT_AT_ROOT: Final = ("anyOf", "oneOf", "allOf", "enum", "not", "const")
_OF_THEIR_SCHEMA: Final = (
    {"$ref", "$dynamicRef", "$id"},
    {"unevaluatedProperties", "unevaluatedItems"},
    {"minContains", "maxContains"},
)
"""Keywords that mean something else in another schema."""
_TOGETHER: Final = ({"if", "then", "else"}, {"items", "prefixItems"})
"""Keywords that mean something else beside each other."""
_DEEPEST: Final = 30
_MOST_PARTS: Final = 500


class _Impossible(Exception):
    """Two schemas cannot be made one."""


def merged(schema: Schema) -> Schema:
    """`schema` with every `allOf` made one with what it stands beside, where that is exact."""
    return _Merger(schema).form(schema) if _says(schema, "allOf") else schema


def offered(schema: Schema) -> Schema:
    """The schema of a tool's arguments as providers take it: an object, and no choice of several.

    Where alternatives stood at the root, it admits the arguments that any of them names, each by
    what is said where it is named.
    """
    whole = merged(schema)
    if "$ref" not in whole and not any(key in whole for key in _NOT_AT_ROOT):
        return whole
    return _one_object(whole, _Merger(whole))


class _Merger:
    """One schema in the making."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._room = _MOST_PARTS

    def form(self, schema: Any, depth: int = 0) -> Any:
        """A schema without `allOf`, as far as can be."""
        if not isinstance(schema, dict) or depth > _DEEPEST:
            return cast("Any", schema)
        out: Schema = {}
        for key, value in cast("Schema", schema).items():
            if key in _MAPS and isinstance(value, dict):
                inner = cast("Schema", value)
                out[key] = {name: self.form(each, depth + 1) for name, each in inner.items()}
            elif key in _LISTS and isinstance(value, list):
                out[key] = [self.form(each, depth + 1) for each in cast("list[Any]", value)]
            else:
                out[key] = self.form(value, depth + 1) if key in _SCHEMAS else value
        if "allOf" not in out:
            return out
        try:
            return self._one(out, depth)
        except _Impossible:
            return out

    def _one(self, schema: Schema, depth: int) -> Schema:
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        tight = whole.pop("unevaluatedProperties", None)
        for part in cast("list[Any]", schema["allOf"]):
            if not isinstance(part, dict):
                raise _Impossible
            whole = _both(whole, self.resolved(cast("Schema", part), depth))
        if tight is not None:
            if tight is not False or any(key in whole for key in (*_BRANCHES, *_CLOSERS)):
                raise _Impossible
            whole["additionalProperties"] = False
        return whole

    def resolved(self, schema: Schema, depth: int = 0) -> Schema:
        """A schema with what it refers to in the place of the reference."""
        if "$ref" not in schema:
            return schema
        self._room -= 1
        if depth > _DEEPEST or self._room < 0:
            raise _Impossible
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        target = self.form(self._target(schema["$ref"]), depth + 1)
        found = self.resolved(target, depth + 1)
        return _both(rest, found) if rest else found

    def _target(self, reference: Any) -> Schema:
        if not isinstance(reference, str) or not reference.startswith("#/"):
            raise _Impossible
        node: Any = self._root
        for step in reference.removeprefix("#/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            node = cast("Schema", node).get(name) if isinstance(node, dict) else None
        if not isinstance(node, dict):
            raise _Impossible
        return cast("Schema", node)


def _says(schema: Any, word: str) -> bool:
    if isinstance(schema, list):
        return any(_says(each, word) for each in cast("list[Any]", schema))
    if not isinstance(schema, dict):
        return False
    fields = cast("Schema", schema)
    return word in fields or any(_says(each, word) for each in fields.values())


def _both(first: Schema, second: Schema) -> Schema:
    """What admits the values that both admit. Raises `_Impossible`."""
    for words in _OF_THEIR_SCHEMA:
        if not words.isdisjoint(first) or not words.isdisjoint(second):
            raise _Impossible
    for words in _TOGETHER:
        if (
            words & first.keys()
            and words & second.keys()
            and (words & (first | second).keys()) != {"items"}
        ):
            raise _Impossible
    _check_closed(first, second)
    _check_closed(second, first)
    out = dict(first)
    for key, value in second.items():
        if key not in out:
            out[key] = value
        elif key not in _NOTES and not _same(out[key], value):
            out[key] = _one_of_two(key, out[key], value)
    return out


def _same(first: Any, second: Any) -> bool:
    """Whether two values are one in JSON, where 1 is not true."""
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def _check_closed(first: Schema, second: Schema) -> None:
    """A part that bounds what it does not name bounds what only the other names."""
    if not any(key in first and first[key] is not True for key in _CLOSERS):
        return
    if not _named(second) <= _named(first) or "patternProperties" in second:
        raise _Impossible


def _named(schema: Schema) -> set[str]:
    return set(cast("Mapping[str, Any]", schema.get("properties", {})))


def _one_of_two(key: str, first: Any, second: Any) -> Any:
    if key in _LEAST:
        return max(first, second)
    if key in _MOST:
        return min(first, second)
    merge = _MERGES.get(key)
    if merge is None:
        raise _Impossible
    return merge(first, second)


def _properties(first: Schema, second: Schema) -> Schema:
    out = dict(first)
    for name, schema in second.items():
        known = out.get(name, schema)
        out[name] = schema if _same(known, schema) else _one_schema(known, schema)
    return out


def _one_schema(first: Any, second: Any) -> Any:
    """Two schemas, of which `true` and `false` are some too."""
    if first is True or second is True:
        return second if first is True else first
    if not isinstance(first, dict) or not isinstance(second, dict):
        return False
    return _both(cast("Schema", first), cast("Schema", second))


def _definitions(first: Schema, second: Schema) -> Schema:
    if not all(_same(first[name], second[name]) for name in first.keys() & second.keys()):
        raise _Impossible
    return {**first, **second}


def _types(first: Any, second: Any) -> Any:
    one, other = _listed(first), _listed(second)
    both = [each for each in one if each in other]
    if "number" in one and "integer" in other and "integer" not in both:
        both.append("integer")
    if "integer" in one and "number" in other and "integer" not in both:
        both.append("integer")
    if not both:
        raise _Impossible
    return both[0] if len(both) == 1 else both


def _listed(value: Any) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else [value]


def _common(first: list[Any], second: list[Any]) -> list[Any]:
    both = [each for each in first if any(_same(each, other) for other in second)]
    if not both:
        raise _Impossible
    return both


def _union(first: list[Any], second: list[Any]) -> list[Any]:
    return list(dict.fromkeys([*first, *second]))


_MERGES: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "properties": _properties,
    "required": _union,
    "type": _types,
    "enum": _common,
    "items": _one_schema,
    "additionalProperties": _one_schema,
    "$defs": _definitions,
    "definitions": _definitions,
}


def _one_object(schema: Schema, merger: _Merger) -> Schema:
    """An object that admits what any alternative of the root admits."""
    try:
        schema = merger.resolved(schema)
        kept = {key: value for key, value in schema.items() if key not in _NOT_AT_ROOT}
        for key in ("anyOf", "oneOf", "allOf"):
            options = cast("list[Any]", schema.get(key, ()))
            dicts = [cast("Schema", each) for each in options if isinstance(each, dict)]
            parts = [merger.resolved(each) for each in dicts]
            if parts and len(parts) == len(options):
                kept = _widened(kept, parts, all_of=key == "allOf")
    except _Impossible:
        kept = {key: schema[key] for key in ("$defs", "definitions") if key in schema}
    return {"properties": {}, **kept, "type": "object"}


def _widened(base: Schema, parts: list[Schema], *, all_of: bool) -> Schema:
    """`base` with the arguments of all parts; which of them go together is told in words."""
    properties: dict[str, list[Any]] = {}
    for part in parts:
        for name, each in cast("Schema", part.get("properties", {})).items():
            found = properties.setdefault(name, [])
            if not any(_same(each, other) for other in found):
                found.append(each)
    own = cast("Schema", base.get("properties", {}))
    added = {
        name: found[0] if len(found) == 1 else {"anyOf": found}
        for name, found in properties.items()
        if name not in own
    }
    needed = [set(cast("list[str]", part.get("required", ()))) for part in parts]
    always = set[str].union(*needed) if all_of else set[str].intersection(*needed)
    required = [*cast("list[str]", base.get("required", ()))]
    required += sorted(always - set(required))
    out: Schema = {**base, "properties": {**own, **added}}
    for key in _CLOSERS:
        # What a part admits beside its names, the others may not.
        out.pop(key, None)
    if required:
        out["required"] = required
    if not all_of:
        sets = "; or ".join(", ".join(part.get("properties", {})) or "nothing" for part in parts)
        about = out.get("description")
        words = f"Give one of these sets of arguments: {sets}."
        out["description"] = f"{about} {words}" if about else words
    return out
