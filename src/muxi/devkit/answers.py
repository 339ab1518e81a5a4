"""What an answer says, whatever it answers: its text, its structured result, its error.

Used by cases, fuzz, snapshots and pages.
"""

from __future__ import annotations

import json
from typing import Any, cast

from muxi.core.json_shapes import is_array
from muxi.devkit.exchange import Json
from muxi.devkit.session import Reply

_OF_ONE_ERA = ("resultType", "ttlMs", "cacheScope", "_meta")
"""Keys that only one era has, or that differ from one call to the next."""


def is_error(reply: Reply) -> bool:
    """Whether it is an error, of the protocol or of a tool."""
    return reply.result is None or reply.result.get("isError") is True


def text_of(reply: Reply) -> str:
    """All text of the answer, a line for each piece."""
    if reply.result is None:
        return reply.words
    return "\n".join(_texts(reply.result))


def structured(reply: Reply, verb: str) -> Any:
    """The structured result: of a call `structuredContent`, else its text read as JSON."""
    result = reply.result or {}
    if verb != "call":
        return plain(result)
    if "structuredContent" in result:
        return result["structuredContent"]
    try:
        return json.loads(text_of(reply))
    except ValueError:
        return None


def plain(result: Json) -> Json:
    """A result without what only one era has: the same in both."""
    return {key: value for key, value in result.items() if key not in _OF_ONE_ERA}


def content_of(result: Json) -> list[Json]:
    """The pieces of content of any kind of result."""
    found: list[Json] = []
    for key in ("content", "contents", "messages"):
        items = result.get(key)
        for item in items if is_array(items) else []:
            inner = cast("Json", item) if isinstance(item, dict) else {}
            content = inner.get("content")
            found.append(cast("Json", content) if isinstance(content, dict) else inner)
    return found


def _texts(result: Json) -> list[str]:
    found: list[str] = []
    for piece in content_of(result):
        resource = piece.get("resource")
        inner = cast("Json", resource) if isinstance(resource, dict) else piece
        if isinstance(inner.get("text"), str):
            found.append(inner["text"])
    completion = result.get("completion")
    if isinstance(completion, dict):
        found += map(str, cast("Json", completion).get("values") or ())
    return found
