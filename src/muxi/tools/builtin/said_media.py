"""Media of the conversation in which a tool is called. Used by the tools for pictures and sound."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from muxi.core.messages import MediaPart, ToolResultPart
from muxi.core.ports import Context

P = TypeVar("P", bound=MediaPart)


def newest_first(ctx: Context, kind: type[P]) -> Iterator[P]:
    """The conversation's parts of that kind, those that tools gave among them."""
    for message in (*reversed(ctx.messages), *reversed(ctx.earlier)):
        yield from _among(message.parts, kind)


def _among(parts: Sequence[Any], kind: type[P]) -> Iterator[P]:
    for part in reversed(parts):
        if isinstance(part, kind):
            yield part
        elif isinstance(part, ToolResultPart):
            yield from _among(part.content, kind)
