"""Parts of our messages as content blocks of the Messages format. Part of the request encoder."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from muxi.core.messages import (
    AnyPart,
    FilePart,
    ImagePart,
    KeptPart,
    MediaPart,
    ReasoningPart,
    RefusalPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
    UnknownPart,
)
from muxi.wire.media import encoded, note

FORMAT = "anthropic"
"""Key of this format in `Part.provider`."""

Block = dict[str, Any]

_IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
_PDF = "application/pdf"
MEDIA = (*sorted(_IMAGES), _PDF)
"""Media types that have a block of their own."""
_ODD_ID = re.compile(r"[^a-zA-Z0-9_-]")


def user_blocks(parts: Iterable[AnyPart | ToolContent]) -> list[Block]:
    """What a user, a system message or a tool says."""
    blocks: list[Block] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            _add_text(blocks, part.text)
        elif isinstance(part, MediaPart):
            blocks.append(_media(part))
    return blocks


def assistant_blocks(parts: Iterable[AnyPart]) -> list[Block]:
    """What the model said, with its thoughts as it wants them back: unchanged and in order."""
    blocks: list[Block] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            _add_text(blocks, part.text)
        elif isinstance(part, ToolCallPart):
            # Arguments must be an object; under this key the documentation tells to send others.
            broken = {"INVALID_JSON": part.malformed}
            blocks.append(
                {
                    "type": "tool_use",
                    "id": call_id(part.id),
                    "name": part.name,
                    "input": part.arguments if part.malformed is None else broken,
                }
            )
        elif isinstance(part, ReasoningPart):
            _add_thinking(blocks, part)
        elif isinstance(part, MediaPart):
            _add_text(blocks, note(part))
        elif isinstance(part, UnknownPart) and "block" in (values := kept(part)):
            blocks.append(values["block"])
    while blocks and blocks[-1]["type"] in ("thinking", "redacted_thinking"):
        # An answer that broke off; the provider refuses thoughts that nothing follows.
        blocks.pop()
    return blocks


def result_blocks(parts: Iterable[AnyPart]) -> list[Block]:
    """What came of tool calls."""
    blocks: list[Block] = []
    for part in parts:
        if not isinstance(part, ToolResultPart):
            continue
        block: Block = {
            "type": "tool_result",
            "tool_use_id": call_id(part.call_id),
            "content": user_blocks(part.content),
        }
        if part.outcome != "ok":
            block["is_error"] = True
        blocks.append(block)
    return blocks


def call_id(given: str) -> str:
    """An id of any provider with the characters that this one admits."""
    return _ODD_ID.sub("_", given)


def kept(part: AnyPart) -> dict[str, Any]:
    """What this provider gave along with `part`."""
    values = (part.provider or {}).get(FORMAT)
    return values if isinstance(values, dict) else {}


def by_id(role: Role, part: MediaPart) -> bool:
    """Whether the format can name `part` by the id under which the provider keeps it."""
    if isinstance(part, ImagePart):
        return role != "assistant" and part.media_type in _IMAGES
    return role != "assistant" and isinstance(part, FilePart) and part.media_type == _PDF


def _add_text(blocks: list[Block], text: str) -> None:
    if text.strip():
        # Texts of white space only are refused.
        blocks.append({"type": "text", "text": text})


def _add_thinking(blocks: list[Block], part: ReasoningPart) -> None:
    values = kept(part)
    if "redacted" in values:
        blocks.append({"type": "redacted_thinking", "data": values["redacted"]})
    elif "signature" in values:
        blocks.append({"type": "thinking", "thinking": part.text, "signature": values["signature"]})


def _media(part: MediaPart) -> Block:
    kind = part.media_type
    if isinstance(part, KeptPart):
        source = {"type": "file", "file_id": part.id}
        return {**(_document(part) if part.kind == "file" else {"type": "image"}), "source": source}
    if isinstance(part, ImagePart) and (kind in _IMAGES or part.url is not None):
        return {"type": "image", "source": _source(part)}
    if isinstance(part, FilePart):
        block = _document(part)
        if kind == _PDF:
            return {**block, "source": _source(part)}
        if part.data is not None and (kind.startswith("text/") or kind == "application/json"):
            text = part.data.decode("utf-8", "replace")
            return {**block, "source": {"type": "text", "media_type": "text/plain", "data": text}}
    return {"type": "text", "text": note(part)}


def _document(part: MediaPart) -> Block:
    return {"type": "document", "title": part.name} if part.name else {"type": "document"}


def _source(part: MediaPart) -> Block:
    if part.url is not None:
        return {"type": "url", "url": part.url}
    return {"type": "base64", "media_type": part.media_type, "data": encoded(part)}
