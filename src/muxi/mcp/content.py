"""Results of a server as parts that a model can read, within bounds. Called by `calling`."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, cast

import mcp_types as types

from muxi.core.messages import AudioPart, FilePart, ImagePart, TextPart, ToolContent
from muxi.tools.content import cut_content

_MOST_PARTS: Final = 200
_MOST_MEDIA: Final = 20_000_000
"""Bytes of images and files in one result, as they come in base 64."""


def parts_of(result: types.CallToolResult, *, max_bytes: int) -> list[ToolContent]:
    """What a tool gave back. Structured content is told only where no text says the same."""
    found = list(content_parts(result.content))
    structured = result.structured_content
    if structured is not None and not any(isinstance(part, TextPart) for part in found):
        found.insert(0, TextPart(text=json.dumps(structured, ensure_ascii=False)))
    return cut_content(found, max_bytes)


def content_parts(content: Sequence[types.ContentBlock]) -> Iterator[ToolContent]:
    """Blocks of a result or of a prompt as parts."""
    room = _MOST_MEDIA
    for block in content[:_MOST_PARTS]:
        match block:
            case types.TextContent():
                yield TextPart(text=block.text)
            case types.ImageContent() | types.AudioContent():
                room -= len(block.data)
                kind = ImagePart if isinstance(block, types.ImageContent) else AudioPart
                yield _media(kind, block.data, block.mime_type, fits=room >= 0)
            case types.EmbeddedResource():
                resource = block.resource
                if isinstance(resource, types.BlobResourceContents):
                    room -= len(resource.blob)
                yield _resource(resource, fits=room >= 0)
            case types.ResourceLink():
                yield TextPart(text=_link(block))
    if len(content) > _MOST_PARTS:
        yield TextPart(text=f"[Cut: {len(content) - _MOST_PARTS} further parts are left out.]")


def resource_parts(
    contents: Iterable[types.TextResourceContents | types.BlobResourceContents], *, max_bytes: int
) -> list[ToolContent]:
    """What a resource holds."""
    return cut_content([_resource(each, fits=True) for each in contents], max_bytes)


def _resource(
    resource: types.TextResourceContents | types.BlobResourceContents, *, fits: bool
) -> ToolContent:
    if isinstance(resource, types.TextResourceContents):
        return TextPart(text=resource.text)
    media_type = resource.mime_type or "application/octet-stream"
    kind = ImagePart if media_type.startswith("image/") else FilePart
    name = str(resource.uri).rpartition("/")[2] or None
    return _media(kind, resource.blob, media_type, fits=fits, name=name)


def _media(
    kind: type[ImagePart | AudioPart | FilePart],
    data: str,
    media_type: str,
    *,
    fits: bool,
    name: str | None = None,
) -> ToolContent:
    if not fits:
        return TextPart(text=f"[Cut: {media_type} of {len(data) * 3 // 4:,} bytes is left out.]")
    try:
        raw = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return TextPart(text=f"[The server sent {media_type} that is not base 64.]")
    return kind(media_type=media_type, data=raw, name=name)


def _link(link: types.ResourceLink) -> str:
    words = ": ".join(filter(None, (link.title or link.name, link.description)))
    return f"[Resource {link.uri}] {words}".rstrip()


def plain(value: Any) -> dict[str, Any]:
    """One of the SDK's records in the protocol's own words."""
    return cast("dict[str, Any]", value.model_dump(mode="json", by_alias=True, exclude_none=True))
