"""What a person types in answer to a question, as JSON. Used by `approvals` and by the chat."""

from __future__ import annotations

import json
from typing import Any, cast

from muxi.core.json_shapes import is_object

_YES, _NO = frozenset({"y", "yes", "true"}), frozenset({"n", "no", "false"})


def typed_value(text: str, schema: dict[str, Any] | None) -> Any:
    """`text` as an answer that is to fit `schema`, which the server checks.

    Raises:
        ValueError: It cannot be meant so; the words say what can.
    """
    if schema is None:
        return text
    choices = choices_of(schema)
    if choices:
        return _chosen(text, choices)
    kind = schema.get("type")
    if kind == "string":
        return text
    plain = text.strip()
    if kind == "boolean" and plain.lower() in _YES | _NO:
        return plain.lower() in _YES
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        wanted = {"boolean": "yes or no", "integer": "a whole number", "number": "a number"}
        raise ValueError(f"Type {wanted.get(str(kind), 'JSON')}.") from None


def typed_object(text: str) -> dict[str, Any]:
    """`text` as a JSON object, such as the arguments of a call.

    Raises:
        ValueError: It is none; the words say why.
    """
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"This is not JSON: {error}.") from None
    if not is_object(value):
        raise ValueError('The arguments must be a JSON object, such as {"name": 1}.')
    return value


def choices_of(schema: dict[str, Any]) -> list[Any]:
    """The values that an answer may have, if they are counted."""
    listed = schema.get("enum")
    if isinstance(listed, list):
        return cast("list[Any]", listed)
    for word in ("oneOf", "anyOf"):
        options = _mappings(schema.get(word))
        if options and all("const" in option for option in options):
            return [option["const"] for option in options]
    return []


def fields_of(schema: dict[str, Any] | None) -> dict[str, dict[str, Any]]:
    """The fields of an answer that is a flat object, by name; none for any other answer."""
    fields = (schema or {}).get("properties")
    if schema is None or schema.get("type") != "object" or not isinstance(fields, dict):
        return {}
    named = cast("dict[str, Any]", fields)
    kinds = [each.get("type") for each in _mappings(list(named.values()))]
    flat = len(kinds) == len(named) and not {"object", "array"} & {str(kind) for kind in kinds}
    return named if flat else {}


def _mappings(values: Any) -> list[dict[str, Any]]:
    """The mappings in a list of any JSON."""
    if not isinstance(values, list):
        return []
    items = cast("list[Any]", values)
    return [cast("dict[str, Any]", item) for item in items if isinstance(item, dict)]


def _chosen(text: str, choices: list[Any]) -> Any:
    """The choice that is typed whole, or by its number from 1."""
    plain = text.strip()
    for choice in choices:
        if plain == (choice if isinstance(choice, str) else json.dumps(choice)):
            return choice
    if plain.isdecimal() and 0 < int(plain) <= len(choices):
        return choices[int(plain) - 1]
    raise ValueError(f"Type one of the answers, or its number from 1 to {len(choices)}.")
