"""What a function returned, as parts that a model can read. Used by everything that runs tools.

A result that is too long is cut with a notice, at a cost that does not grow with its length beyond
the limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from pydantic_core import PydanticSerializationError, to_json

from muxi.core.errors import ToolFailed
from muxi.core.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    TextPart,
    ToolContent,
    UnknownPart,
)
from muxi.core.record import clean

_PARTS = (TextPart, ImagePart, AudioPart, FilePart, UnknownPart)

_IMAGES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
}
"""First bytes of the image formats that all providers read, from their specifications."""


def to_content(tool: str, value: object, *, max_bytes: int) -> list[ToolContent]:
    """`value`, returned by `tool`, as parts: text as it is, parts as they are, the rest as JSON.

    Raises:
        ToolFailed: The value is neither text nor JSON.
    """
    if isinstance(value, str):
        return [TextPart(text=cut(value, max_bytes))]
    if isinstance(value, _PARTS):
        return cut_content([value], max_bytes)
    if isinstance(value, bytes | bytearray):
        return [_media(bytes(value))]
    if isinstance(value, list | tuple) and value:
        items = cast("Sequence[object]", value)
        if any(isinstance(item, _PARTS) for item in items):
            parts = [part for item in items for part in _as_parts(tool, item, max_bytes)]
            return cut_content(parts, max_bytes)
    return [TextPart(text=cut(_as_json(tool, cast("object", value)), max_bytes))]


def cut_content(parts: Sequence[ToolContent], max_bytes: int) -> list[ToolContent]:
    """`parts` with their texts cut so that together they have at most `max_bytes` UTF-8 bytes."""
    left = max_bytes
    kept: list[ToolContent] = []
    for part in parts:
        if isinstance(part, TextPart):
            text = cut(part.text, left)
            left = max(0, left - len(text.encode()))
            kept.append(part if text == part.text else part.model_copy(update={"text": text}))
        else:
            kept.append(part)
    return kept


def cut(text: str, max_bytes: int) -> str:
    """`text` if it has at most `max_bytes` UTF-8 bytes, else its beginning and a notice."""
    if len(text) * 4 <= max_bytes:
        return text
    head = clean(text[: max_bytes + 1]).encode()
    if len(head) <= max_bytes and len(text) <= max_bytes:
        return text
    kept = head[:max_bytes].decode(errors="ignore")
    return (
        f"{kept}\n[Cut: the result has {len(text):,} characters, of which the first"
        f" {len(kept):,} are shown.]"
    )


def _as_parts(tool: str, item: object, max_bytes: int) -> list[ToolContent]:
    if isinstance(item, _PARTS):
        return [item]
    return to_content(tool, item, max_bytes=max_bytes)


def _as_json(tool: str, value: object) -> str:
    if isinstance(value, Iterator):
        raise _unreadable(tool, cast("object", value))
    try:
        return to_json(value, inf_nan_mode="strings", bytes_mode="base64").decode()
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        raise _unreadable(tool, value) from error


def _unreadable(tool: str, value: object) -> ToolFailed:
    return ToolFailed(
        f"`{tool}` returned a {type(value).__name__} that is neither text nor JSON.",
        hint="Return text, numbers, lists, dicts, dataclasses, pydantic models or parts.",
        tool=tool,
    )


def _media(data: bytes) -> ToolContent:
    for magic, media_type in _IMAGES.items():
        if data.startswith(magic):
            return ImagePart(media_type=media_type, data=data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return ImagePart(media_type="image/webp", data=data)
    if data.startswith(b"%PDF-"):
        return FilePart(media_type="application/pdf", data=data)
    return FilePart(media_type="application/octet-stream", data=data)
