"""Schemas of OpenAPI as JSON Schema 2020-12, with what they refer to.

Only keywords that a caller's arguments can be held to are kept. A schema that is recursive stays
so, by a reference; nothing is unrolled.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

from muxi.core.json_shapes import is_array
from muxi.tools.openapi.document import Document, Object

_PLAIN: Final = (
    *("enum", "const", "default", "format", "uniqueItems", "multipleOf"),
    *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
    *("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
)
_LONGEST_DESCRIPTION: Final = 300
_DEEPEST: Final = 40
_MOST_DEFINITIONS: Final = 200
_MOST_NODES: Final = 5_000
"""Schemas within the schemas of one tool: aliases of YAML can multiply them beyond measure."""
_LARGEST_VALUE: Final = 500
"""Values within an `enum` or a default."""


class Schemas:
    """The schemas of one tool, and the definitions that they share."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._names: dict[str, str] = {}
        self._waiting: list[str] = []
        self._nodes = 0
        self.complete = True
        """Whether nothing was left out because there is too much of it."""

    def converted(self, schema: Any, depth: int = 0) -> Object:
        """`schema` for a tool; `definitions` has what it refers to."""
        if schema is False:
            return {"not": {}}
        self._nodes += 1
        if depth > _DEEPEST or self._nodes > _MOST_NODES:
            self.complete = False
            return {}
        if not isinstance(schema, dict):
            return {}
        found = cast("Object", schema)
        reference = found.get("$ref")
        if isinstance(reference, str):
            return self._reference(reference)
        made: Object = {}
        if isinstance(found.get("description"), str):
            made["description"] = shortened(found["description"], _LONGEST_DESCRIPTION)
        made.update(_types(found))
        made.update({key: found[key] for key in _PLAIN if key in found and _is_small(found[key])})
        _modernise(made, found)
        if _is_pattern(found.get("pattern")):
            made["pattern"] = found["pattern"]
        self._add_parts(made, found, depth + 1)
        return made

    def definitions(self) -> Object:
        """Everything that was referred to, and what that refers to."""
        made: Object = {}
        while self._waiting:
            reference = self._waiting.pop(0)
            made[self._names[reference]] = self.converted(self._document.at(reference))
        return made

    def _reference(self, reference: str) -> Object:
        if not isinstance(self._document.at(reference), dict):
            return {}
        if reference not in self._names:
            if len(self._names) >= _MOST_DEFINITIONS:
                self.complete = False
                return {}
            self._names[reference] = self._free_name(reference)
            self._waiting.append(reference)
        return {"$ref": f"#/$defs/{self._names[reference]}"}

    def _free_name(self, reference: str) -> str:
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", reference.rpartition("/")[2]) or "_"
        taken = set(self._names.values())
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}_{number}", number + 1
        return name

    def _add_parts(self, made: Object, found: Object, depth: int) -> None:
        properties = found.get("properties")
        if isinstance(properties, dict):
            # What only the service sets is not asked for.
            every = cast("Object", properties).items()
            kept = {name: each for name, each in every if not _is_read_only(each)}
            made["properties"] = {name: self.converted(each, depth) for name, each in kept.items()}
            required = [name for name in _texts(found.get("required")) if name in kept]
            if required:
                made["required"] = required
        extra = found.get("additionalProperties")
        if isinstance(extra, bool):
            made["additionalProperties"] = extra
        elif isinstance(extra, dict):
            made["additionalProperties"] = self.converted(extra, depth)
        for key in ("items", "not"):
            if isinstance(found.get(key), dict):
                made[key] = self.converted(found[key], depth)
        for key in ("allOf", "anyOf", "oneOf"):
            parts = found.get(key)
            if isinstance(parts, list) and parts:
                made[key] = [self.converted(each, depth) for each in cast("list[Any]", parts)]


def shortened(text: str, longest: int) -> str:
    """`text` as one line that can be seen, cut at a word."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(plain) <= longest:
        return plain
    return plain[: longest - 1].rpartition(" ")[0] + "…"


def _types(found: Object) -> Object:
    """`type`, with the `nullable` of OpenAPI 3.0 in it."""
    kind = found.get("type")
    kinds = [kind] if isinstance(kind, str) else _texts(kind)
    known = {"string", "number", "integer", "boolean", "array", "object", "null"}
    kinds = [each for each in kinds if each in known]
    if found.get("nullable") is True and kinds and "null" not in kinds:
        kinds.append("null")
    if not kinds:
        return {}
    return {"type": kinds[0] if len(kinds) == 1 else kinds}


def _modernise(made: Object, found: Object) -> None:
    """Bounds that OpenAPI 3.0 excludes by a flag, and values that JSON Schema would not take."""
    for flag, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(made.get(flag), bool):
            excluded = made.pop(flag)
            if excluded and bound in made:
                made[flag] = made.pop(bound)
    if "enum" in made:
        if not isinstance(made["enum"], list) or not made["enum"]:
            del made["enum"]
        elif found.get("nullable") is True and None not in made["enum"]:
            made["enum"] = [*made["enum"], None]
    for key in [key for key, value in made.items() if _is_odd(key, value)]:
        del made[key]


def _is_odd(key: str, value: Any) -> bool:
    """Whether a keyword has a value that is no value for it."""
    if key.startswith(("min", "max", "exclusive", "multiple")):
        return isinstance(value, bool) or not isinstance(value, int | float)
    if key == "uniqueItems":
        return not isinstance(value, bool)
    return key == "format" and not isinstance(value, str)


def _is_read_only(schema: Any) -> bool:
    return isinstance(schema, dict) and cast("Object", schema).get("readOnly") is True


def _is_small(value: Any) -> bool:
    """Whether a value can be written down whole; aliases of YAML can make one that is endless."""
    stack, count = [value], 0
    while stack and count <= _LARGEST_VALUE:
        each = stack.pop()
        count += 1
        if isinstance(each, dict):
            stack.extend(cast("Object", each).values())
        elif isinstance(each, list):
            stack.extend(cast("list[Any]", each))
    return count <= _LARGEST_VALUE


def _is_pattern(value: Any) -> bool:
    """Whether it is a pattern that Python understands as it was meant."""
    if not isinstance(value, str):
        return False
    try:
        re.compile(value)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _texts(value: Any) -> list[str]:
    items = value if is_array(value) else []
    return [each for each in items if isinstance(each, str)]
