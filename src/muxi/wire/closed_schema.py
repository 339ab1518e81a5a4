"""JSON Schemas in the form that Anthropic holds its models to. Used by the Anthropic format.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs: every object is closed,
and keywords that its grammar does not know are refused. These are told to the model in words; our
own check of every answer enforces them.
"""

from __future__ import annotations

from typing import Any, cast

from muxi.wire.merged_schema import merged

Schema = dict[str, Any]

_KNOWN = frozenset(
    {
        "$ref",
        "additionalProperties",
        "const",
        "description",
        "enum",
        "required",
        "title",
        "type",
    }
)
_FORMATS = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
)
_SILENT = frozenset({"$id", "$schema", "default", "discriminator", "examples"})
"""Keywords that bound nothing, and so need no words."""
_MAPS = frozenset({"$defs", "properties"})
_CHOICES = frozenset({"allOf", "anyOf", "oneOf"})


class _Impossible(Exception):
    """The schema has no closed form."""


def closed_form(schema: Schema) -> Schema | None:
    """`schema` with every object closed and every keyword that is not known put into words.

    None when it has maps of free keys: closing one would leave nothing that fits it.
    """
    try:
        return _closed(merged(schema))
    except _Impossible:
        return None


def _closed(schema: Schema) -> Schema:
    kept = ("$ref", "$defs") if "$ref" in schema else tuple(schema)
    result: Schema = {}
    said: list[str] = []
    for key in kept:
        if key not in schema or key in _SILENT:
            continue
        value = schema[key]
        if key in _MAPS:
            result[key] = {name: _inner(item) for name, item in value.items()}
        elif key in _CHOICES:
            # A choice is all that a grammar can express; that only one fits is checked afterwards.
            result["anyOf" if key == "oneOf" else key] = [_inner(item) for item in value]
        elif key == "items":
            result[key] = _inner(value)
        elif _known(key, value):
            result[key] = value
        else:
            said.append(f"{key}: {value}")
    if is_object(schema):
        if "properties" not in schema or schema.get("additionalProperties") not in (None, False):
            raise _Impossible
        result["additionalProperties"] = False
    if said:
        words = "; ".join(said)
        about = result.get("description")
        result["description"] = f"{about} ({words})" if about else words
    return result


def is_object(schema: Schema) -> bool:
    """Whether `schema` admits objects by its own `type`."""
    kind = schema.get("type")
    return kind == "object" or (isinstance(kind, list) and "object" in kind)


def _known(key: str, value: Any) -> bool:
    if key == "format":
        return value in _FORMATS
    return key in _KNOWN or (key == "minItems" and value in (0, 1))


def _inner(value: Any) -> Any:
    return _closed(cast("Schema", value)) if isinstance(value, dict) else value
