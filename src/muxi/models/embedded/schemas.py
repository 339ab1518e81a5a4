"""Small questions to a JSON Schema. Called by `arguments`, `evidence` and `fields`."""

from __future__ import annotations

from typing import Any, Literal

from muxi.core.json_shapes import is_array

Kind = Literal["choice", "boolean", "integer", "number", "string", "array", "object"]


def resolve(schema: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """`schema` without local references and without the alternative "null"."""
    for _ in range(8):
        reference = schema.get("$ref")
        if isinstance(reference, str) and reference.startswith("#/"):
            target: Any = root
            for key in reference[2:].split("/"):
                target = target.get(key, {})
            schema = {**target, **{k: v for k, v in schema.items() if k != "$ref"}}
            continue
        options: list[dict[str, Any]] = schema.get("anyOf") or schema.get("oneOf") or []
        useful = [option for option in options if option.get("type") != "null"]
        if not useful:
            break
        outer = {k: v for k, v in schema.items() if k not in ("anyOf", "oneOf")}
        schema = {**useful[0], **outer}
    return schema


def definitions(root: dict[str, Any]) -> dict[str, Any]:
    """The part of a schema that local references lead to."""
    return {key: root[key] for key in ("$defs", "definitions") if key in root}


def nullable(schema: dict[str, Any]) -> bool:
    """Whether an unresolved schema admits null beside other values."""
    options: list[dict[str, Any]] = schema.get("anyOf") or schema.get("oneOf") or []
    declared: Any = schema.get("type")
    listed = isinstance(declared, list) and "null" in declared
    return listed or any(option.get("type") == "null" for option in options)


def kind(schema: dict[str, Any]) -> Kind:
    """The sort of value that a resolved schema admits."""
    if "enum" in schema or "const" in schema:
        return "choice"
    declared: Any = schema.get("type", "string")
    if is_array(declared):
        named = [str(item) for item in declared if item != "null"]
        declared = named[0] if named else "string"
    match declared:
        case "boolean" | "integer" | "number" | "array" | "object":
            return declared
        case _:
            return "string"


def choices(schema: dict[str, Any]) -> list[Any]:
    """The values of a resolved schema of kind "choice"."""
    return [schema["const"]] if "const" in schema else list(schema["enum"])


def properties(parameters: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The resolved schema of every parameter, by name, in order."""
    declared: dict[str, Any] = parameters.get("properties", {})
    return {name: resolve(schema, parameters) for name, schema in declared.items()}


def required(parameters: dict[str, Any]) -> frozenset[str]:
    """Names of the parameters that a call must give."""
    return frozenset(parameters.get("required", ()))
