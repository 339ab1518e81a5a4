"""A call of an operation as an HTTP request. Used by the tools `openapi`.

Arguments go where the document says that parameters go; no argument can change the host, the path's
structure or a header that is not its own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import quote

from muxi.core.errors import ToolArgumentsInvalid
from muxi.tools.foreign_text import without_control
from muxi.tools.json_schema import problems
from muxi.tools.openapi.document import Object


@dataclass(slots=True)
class Sent:
    """One request."""

    method: str
    path: str
    query: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: bytes | None = None


def request_of(operation: Object, arguments: Object) -> Sent:
    """The request that calls `operation`, one of `operations.select`.

    Raises:
        ToolArgumentsInvalid: The arguments do not fit; the message says where.
    """
    wrong = problems(arguments, operation["input_schema"])
    if wrong:
        lines = "\n".join(f"- {each}" for each in wrong)
        raise ToolArgumentsInvalid(f"The arguments of {operation['name']} do not fit:\n{lines}")
    sent = Sent(operation["method"], operation["path"])
    for parameter in cast("list[Object]", operation["parameters"]):
        if parameter["argument"] in arguments:
            _place(sent, parameter, arguments[parameter["argument"]])
    body = operation["body"]
    if body is not None and body in arguments:
        sent.body = json.dumps(arguments[body], ensure_ascii=False).encode()
        sent.headers["Content-Type"] = "application/json"
    return sent


def _place(sent: Sent, parameter: Object, value: Any) -> None:
    name = str(parameter["name"])
    if parameter["in"] == "path":
        words = quote(_text(value), safe="")
        if words in ("", ".", ".."):
            raise ToolArgumentsInvalid(f"`{parameter['argument']}` cannot be {_text(value)!r}.")
        sent.path = sent.path.replace(f"{{{name}}}", words)
    elif parameter["in"] == "header":
        sent.headers[name] = without_control(_text(value))
    elif isinstance(value, dict):
        pairs = cast("Object", value).items()
        deep = parameter["deep"]
        sent.query += [(f"{name}[{key}]" if deep else key, _text(each)) for key, each in pairs]
    elif isinstance(value, list) and parameter["explode"]:
        sent.query += [(name, _text(each)) for each in cast("list[Any]", value)]
    else:
        sent.query.append((name, _text(value)))


def _text(value: Any) -> str:
    """A value as parameters are written: a list with commas, anything else plainly."""
    if isinstance(value, list):
        return ",".join(_text(each) for each in cast("list[Any]", value))
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)
