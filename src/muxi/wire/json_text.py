"""JSON as models and careless servers write it, read without trust. Used by all formats."""

from __future__ import annotations

import json
from typing import Any, cast

import msgspec

from muxi.core.json_shapes import is_object
from muxi.core.record import clean


def read_json(data: bytes | str) -> Any:
    """The value that `data` describes; lone surrogates in its strings become U+FFFD.

    Raises:
        ValueError: It is not JSON.
    """
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        pass
    # Half a surrogate pair is legal JSON, and the compiled decoder refuses it.
    text = data if isinstance(data, str) else data.decode("utf-8", "replace")
    try:
        return cleaned(json.loads(text, parse_constant=_refuse))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _refuse(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def read_object(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` describes; None when it does not."""
    try:
        value = read_json(text)
    except ValueError:
        return None
    return value if is_object(value) else None


def cleaned(value: Any) -> Any:
    """`value`, in which lone surrogates of all strings, keys too, have become U+FFFD."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(str(k)): cleaned(v) for k, v in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in cast("list[Any]", value)]
    return value
