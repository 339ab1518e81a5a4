"""JSON Schemas made finite and plain enough to hold a small model to. Called by `model`.

Without bounds a small model fills a string until its tokens run out, and the JSON stays open.
"""

from __future__ import annotations

from typing import Any, Final

LONGEST_STRING: Final = 200
_MOST_ITEMS: Final = 6
_KNOWN_FORMATS: Final = frozenset({"date", "time", "date-time", "uuid"})
_SINGLE: Final = ("items", "additionalProperties", "not", "contains")
_MANY: Final = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED: Final = ("properties", "$defs", "definitions", "patternProperties")


def bounded(
    schema: dict[str, Any], *, longest: int = LONGEST_STRING, items: int = _MOST_ITEMS
) -> dict[str, Any]:
    """`schema` with a bound on every string and list, and no rule the grammar cannot express.

    Args:
        schema: Any JSON Schema.
        longest: Characters of a string, unless the schema demands more.
        items: Items of a list, unless the schema demands more.
    """

    def inner(part: dict[str, Any]) -> dict[str, Any]:
        return bounded(part, longest=longest, items=items)

    out = dict(schema)
    for key in _SINGLE:
        if isinstance(out.get(key), dict):
            out[key] = inner(out[key])
    for key in _MANY:
        if key in out:
            out[key] = [inner(option) for option in out[key]]
    for key in _NAMED:
        if key in out:
            out[key] = {name: inner(value) for name, value in out[key].items()}
    _bound(out, longest, items)
    return out


def _bound(out: dict[str, Any], longest: int, items: int) -> None:
    kind = out.get("type")
    if kind == "string" and "enum" not in out and "const" not in out:
        _bound_string(out, longest)
    if kind == "array":
        least = int(out.get("minItems", 0))
        out["maxItems"] = max(least, min(int(out.get("maxItems", items)), items))
    if kind == "object" and "properties" in out:
        out.setdefault("additionalProperties", False)


def _bound_string(schema: dict[str, Any], longest: int) -> None:
    pattern = str(schema.get("pattern", ""))
    if not (pattern.startswith("^") and pattern.endswith("$") and "(?" not in pattern):
        schema.pop("pattern", None)
    if schema.get("format") not in _KNOWN_FORMATS:
        schema.pop("format", None)
    if "pattern" in schema or "format" in schema:
        return
    least = int(schema.get("minLength", 0))
    schema["maxLength"] = max(least, min(int(schema.get("maxLength", longest)), longest))
