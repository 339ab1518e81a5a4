"""Refused arguments, in words that a model can act on. Used by `signature`.

Says which key, what was found, what is expected and which keys exist.
"""

from __future__ import annotations

import copy
import difflib
import json
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from muxi.core.errors import ToolArgumentsInvalid

_MAX_MISTAKES = 12
_MAX_SHOWN = 80
_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")
_MISSING = ("missing", "missing_argument", "missing_keyword_only_argument")


def with_whole_numbers(arguments: dict[str, Any], error: ValidationError) -> dict[str, Any] | None:
    """`arguments` with floats such as 5.0 as integers where just that was refused, else None.

    JSON Schema holds 5.0 to be an integer, and some providers write every number so.
    """
    mistakes = error.errors(include_url=False, include_context=False)
    if not all(m["type"] == "int_type" and _is_whole(m["input"]) for m in mistakes):
        return None
    mended = copy.deepcopy(arguments)
    for mistake in mistakes:
        path = _path(mistake, arguments)
        holder: Any = mended
        for step in path[:-1]:
            holder = holder[step]
        holder[path[-1]] = int(mistake["input"])
    return mended


def refusal(
    tool: str, arguments: dict[str, Any], error: ValidationError, parameters: dict[str, Any]
) -> ToolArgumentsInvalid:
    """The error for `arguments` that `parameters`, a JSON Schema, does not admit."""
    known: dict[str, Any] = parameters.get("properties", {})
    mistakes = error.errors(include_url=False, include_context=False)
    lines = [_line(mistake, arguments, known) for mistake in mistakes[:_MAX_MISTAKES]]
    lines = list(dict.fromkeys(lines))
    if len(mistakes) > _MAX_MISTAKES:
        lines.append(f"- and {len(mistakes) - _MAX_MISTAKES} more")
    required = parameters.get("required", ())
    names = ", ".join(f"`{name}` (required)" if name in required else f"`{name}`" for name in known)
    text = "\n".join(
        [
            f"The arguments of `{tool}` do not fit its schema:",
            *lines,
            f"Its arguments are: {names}." if names else "It takes no arguments.",
        ]
    )
    return ToolArgumentsInvalid(text, tool=tool)


def _line(mistake: ErrorDetails, arguments: dict[str, Any], known: dict[str, Any]) -> str:
    path = _path(mistake, arguments)
    where = _written(path)
    if mistake["type"] in _UNKNOWN:
        near: list[str] = []
        if len(path) == 1:
            near = difflib.get_close_matches(str(path[0]), known, n=1)
        return f"- `{where}`: unknown key" + (f"; did you mean `{near[0]}`?" if near else "")
    if mistake["type"] in _MISSING:
        return f"- `{where}`: missing"
    expected = mistake["msg"]
    if expected.startswith("Input should be "):
        expected = "expected " + expected.removeprefix("Input should be ")
    return f"- `{where}`: found {_shown(mistake['input'])}, {expected}"


def _path(mistake: ErrorDetails, arguments: dict[str, Any]) -> list[str | int]:
    """The place of a mistake in the arguments, without the names of union branches."""
    path: list[str | int] = []
    value: Any = arguments
    for step in mistake["loc"]:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(step)
    if mistake["type"] in _MISSING:
        path.append(mistake["loc"][-1])
    return path


def _written(path: list[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".") or "arguments"


def _shown(value: Any) -> str:
    """A found value as JSON, short, with its kind."""
    kind = _KINDS.get(type(cast("object", value)), "a value")
    if value is None or isinstance(value, bool):
        return kind if value is None else f"{kind} {str(value).lower()}"
    text = json.dumps(value, ensure_ascii=False, default=str)
    if len(text) > _MAX_SHOWN:
        text = f"{text[:_MAX_SHOWN]}…"
    return f"{kind} {text}"


_KINDS: dict[type, str] = {
    str: "the string",
    bool: "the boolean",
    int: "the integer",
    float: "the number",
    list: "the list",
    dict: "the object",
    type(None): "null",
}


def _is_whole(value: object) -> bool:
    return isinstance(value, float) and value.is_integer()
