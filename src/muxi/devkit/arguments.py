"""Arguments as people type them: `a=2 b=words`, or one JSON object. Used by `muxi mcp call`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from muxi.core.errors import InvalidInput
from muxi.core.json_shapes import is_object


def read_arguments(words: Sequence[str], schema: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that `words` say.

    A value that its schema wants as text is taken as it is; any other is read as JSON where it is
    some, else as text.

    Raises:
        InvalidInput: A word is neither `name=value` nor a JSON object.
    """
    found: dict[str, Any] = {}
    for word in words:
        if word.lstrip().startswith("{"):
            found |= _object(word)
            continue
        name, given, text = word.partition("=")
        if not given or not name:
            raise InvalidInput(
                f"{word!r} is no argument.", hint="Write name=value, or one JSON object."
            )
        found[name] = _value(text, _property(schema, name))
    return found


def _object(word: str) -> dict[str, Any]:
    try:
        value = json.loads(word)
    except ValueError as error:
        raise InvalidInput(f"The arguments are no JSON: {error}.") from error
    return cast("dict[str, Any]", value)


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text


def _property(schema: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    properties = schema.get("properties")
    found = cast("dict[str, Any]", properties).get(name) if isinstance(properties, dict) else None
    return found if is_object(found) else {}
