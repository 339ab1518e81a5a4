"""Parts of a JSON Schema: what references mean, which values there are, which words mean nothing.

Used by `schema_admits`. Nothing is ever fetched: a reference that leads elsewhere has no meaning.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, cast

from muxi.core.json_shapes import is_object
from muxi.core.patterns import schema_checker

Schema = Mapping[str, Any]

TYPES: Final = frozenset({"null", "boolean", "object", "array", "number", "string"})
_WORDS: Final = frozenset(
    {"title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly"}
    | {"$comment", "$schema", "$id", "$defs", "definitions", "discriminator"}
)
"""Keywords that admit and refuse nothing."""
_OF_SCHEMAS: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMAS: Final = frozenset(
    {"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
    | {"unevaluatedItems", "unevaluatedProperties", "contentSchema"}
)


@dataclass(frozen=True)
class Root:
    """A whole schema, to which its references refer."""

    whole: Schema

    def target(self, reference: str) -> Any:
        """What `#/$defs/NAME` stands for; None for any other reference."""
        section, _, name = reference.removeprefix("#/").rpartition("/")
        if not reference.startswith("#/") or section not in ("$defs", "definitions"):
            return None
        return mapping(self.whole.get(section)).get(name.replace("~1", "/").replace("~0", "~"))

    @cached_property
    def definitions(self) -> str:
        """All that may be referred to, without words."""
        bare = [
            {name: without_words(each) for name, each in mapping(self.whole.get(section)).items()}
            for section in ("$defs", "definitions")
        ]
        return json.dumps(bare, sort_keys=True)

    def admits(self, schema: Schema, value: Any, *, unclear: bool) -> bool:
        """Whether `schema`, a part of this one, admits `value`; `unclear` if it cannot be told."""
        from referencing.exceptions import Unresolvable
        from referencing.jsonschema import EMPTY_REGISTRY

        definitions = {k: self.whole[k] for k in ("$defs", "definitions") if k in self.whole}
        # A registry without anything: the default one would fetch what it does not know.
        judge: Any = schema_checker()({**schema, **definitions}, registry=EMPTY_REGISTRY)
        try:
            return bool(judge.is_valid(value))
        except Unresolvable:
            return unclear


def mapping(value: Any) -> dict[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if is_object(value) else {}


def is_word(keyword: str) -> bool:
    """Whether a keyword admits and refuses nothing."""
    return keyword in _WORDS or keyword.startswith("x-")


def without_words(schema: Any) -> Any:
    """`schema` without what admits and refuses nothing, at any depth."""
    if not isinstance(schema, dict):
        return schema
    bare: dict[str, Any] = {}
    for key, value in mapping(cast("Any", schema)).items():
        if is_word(key):
            continue
        if key in _OF_SCHEMAS:
            bare[key] = {k: without_words(v) for k, v in mapping(value).items()}
        elif key in _LISTS and isinstance(value, list):
            bare[key] = [without_words(each) for each in cast("list[Any]", value)]
        elif key in ("required", "type", "enum") and isinstance(value, list):
            # Their order means nothing.
            bare[key] = sorted(cast("list[Any]", value), key=json.dumps)
        else:
            bare[key] = without_words(value) if key in _SCHEMAS else value
    return bare


def types_of(schema: Schema) -> frozenset[str]:
    """The types that a schema names, or all of them."""
    told = schema.get("type")
    if isinstance(told, str):
        return frozenset({told})
    return frozenset(cast("list[str]", told)) if isinstance(told, list) else TYPES


def values_of(schema: Schema) -> list[Any] | None:
    """All values that a schema may admit, if they are so few that it names them."""
    if "const" in schema:
        return [schema["const"]]
    if isinstance(schema.get("enum"), list):
        return list(schema["enum"])
    if types_of(schema) <= {"boolean", "null"}:
        values = {"boolean": [True, False], "null": [None]}
        return [value for name in sorted(types_of(schema)) for value in values[name]]
    return None


def without(schema: Schema, key: str) -> Schema:
    """What a schema says beside `key`, words left out."""
    return {k: v for k, v in schema.items() if k != key and not is_word(k)}


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def at(path: str) -> str:
    return f"`{path}`" if path else "the whole"
