"""JSON Schemas in the form that strict decoding asks for. Used by the OpenAI formats.

https://platform.openai.com/docs/guides/structured-outputs#supported-schemas: every object names
all its properties as required and admits no others; `$ref` stands alone; some keywords are barred.
"""

from __future__ import annotations

from typing import Any, cast

from muxi.wire.merged_schema import merged

_BARRED = frozenset(
    [
        "oneOf",
        "allOf",
        "not",
        "if",
        "then",
        "else",
        "dependentRequired",
        "dependentSchemas",
        "patternProperties",
        "unevaluatedProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "prefixItems",
        "contains",
        "uniqueItems",
        "unevaluatedItems",
        "minContains",
        "maxContains",
    ]
)


class _Impossible(Exception):
    """The schema has no strict form."""


def strict_form(schema: dict[str, Any], *, may_require: bool) -> dict[str, Any] | None:
    """A strict schema all of whose instances are instances of `schema`; None when there is none.

    Args:
        schema: Left as it is.
        may_require: Whether optional properties may become required: right for an answer, where
            the model then fills each of them, wrong for a tool's arguments, where a missing one
            means the default.
    """
    schema = merged(schema)
    try:
        strict = _strict(schema, schema, may_require=may_require, depth=0)
    except _Impossible:
        return None
    return strict if strict.get("type") == "object" else None


def _strict(
    schema: dict[str, Any], root: dict[str, Any], *, may_require: bool, depth: int
) -> dict[str, Any]:
    if depth > 40 or not _BARRED.isdisjoint(schema):
        raise _Impossible
    if "$ref" in schema and len(schema) > 1:
        # Keywords beside a reference are refused, so the reference is replaced by what it means.
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        merged = {**_resolve(schema["$ref"], root), **beside}
        return _strict(merged, root, may_require=may_require, depth=depth + 1)

    def inner(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _Impossible
        nested = cast("dict[str, Any]", value)
        return _strict(nested, root, may_require=may_require, depth=depth + 1)

    out = {k: v for k, v in schema.items() if not (k == "default" and v is None)}
    for name in ("$defs", "definitions", "properties"):
        if name in out:
            out[name] = {key: inner(value) for key, value in out[name].items()}
    if "items" in out:
        out["items"] = inner(out["items"])
    if "anyOf" in out:
        out["anyOf"] = [inner(option) for option in out["anyOf"]]
    if out.get("type") == "object":
        _close(out, may_require=may_require)
    return out


def _close(out: dict[str, Any], *, may_require: bool) -> None:
    if out.setdefault("additionalProperties", False) is not False:
        raise _Impossible
    names = list(out.setdefault("properties", {}))
    if not may_require and set(names) != set(out.get("required", ())):
        raise _Impossible
    out["required"] = names


def _resolve(reference: str, root: dict[str, Any]) -> dict[str, Any]:
    node: Any = root
    for step in reference.removeprefix("#/").split("/"):
        node = cast("dict[str, Any]", node).get(step) if isinstance(node, dict) else None
    if not reference.startswith("#/") or not isinstance(node, dict):
        raise _Impossible
    return cast("dict[str, Any]", node)
