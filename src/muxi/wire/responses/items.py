"""Parts of our messages as input items of the Responses format. Part of the request encoder."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from muxi.core.messages import (
    AnyPart,
    FilePart,
    ImagePart,
    KeptPart,
    MediaPart,
    Message,
    ReasoningPart,
    RefusalPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
)
from muxi.wire.encoded import to_json
from muxi.wire.media import address, file_name, note

FORMAT = "responses"
"""Key of this format in `Part.provider`."""

# https://platform.openai.com/docs/guides/images-vision and .../pdf-files
MEDIA = ("image/png", "image/jpeg", "image/gif", "image/webp", "application/pdf")
"""Media types that every model of this format takes that sees or reads."""

Item = dict[str, Any]


def items_of(message: Message) -> list[Item]:
    """`message` as items; none when nothing of it can be said."""
    if message.role == "assistant":
        return _answer(message.parts)
    if message.role == "tool":
        return [
            {
                "type": "function_call_output",
                "call_id": part.call_id,
                "output": _content(part.content) or "",
            }
            for part in message.parts
            if isinstance(part, ToolResultPart)
        ]
    content = _content(message.parts)
    return [{"role": message.role, "content": content}] if content else []


def kept(part: AnyPart) -> dict[str, Any]:
    """What this provider gave along with `part`."""
    values = (part.provider or {}).get(FORMAT)
    return values if isinstance(values, dict) else {}


def by_id(role: Role, part: MediaPart) -> bool:
    """Whether the format can name `part` by the id under which the provider keeps it."""
    return role != "assistant" and isinstance(part, ImagePart | FilePart)


def _content(parts: Sequence[AnyPart | ToolContent]) -> str | list[Item]:
    if all(isinstance(part, TextPart | RefusalPart) for part in parts) and len(parts) <= 1:
        return "".join(part.text for part in parts if isinstance(part, TextPart | RefusalPart))
    content: list[Item] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            if part.text:
                content.append({"type": "input_text", "text": part.text})
        elif isinstance(part, MediaPart):
            content.append(_media(part))
    return content


def _media(part: MediaPart) -> Item:
    if isinstance(part, KeptPart):
        if part.kind == "image":
            return {"type": "input_image", "detail": "auto", "file_id": part.id}
        return {"type": "input_file", "file_id": part.id}
    if isinstance(part, ImagePart):
        return {"type": "input_image", "detail": "auto", "image_url": address(part)}
    if isinstance(part, FilePart):
        if part.url is not None:
            return {"type": "input_file", "file_url": part.url}
        return {"type": "input_file", "filename": file_name(part), "file_data": address(part)}
    return {"type": "input_text", "text": note(part)}


def _answer(parts: Iterable[AnyPart]) -> list[Item]:
    items: list[Item] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            if part.text:
                items.append(_said(part.text, kept(part).get("phase")))
        elif isinstance(part, ToolCallPart):
            arguments = to_json(part.arguments).decode()
            items.append(
                {
                    "type": "function_call",
                    "call_id": part.id,
                    "name": part.name,
                    "arguments": arguments if part.malformed is None else part.malformed,
                }
            )
        elif isinstance(part, ReasoningPart):
            # Nothing is stored with the provider, so reasoning that it cannot decrypt is lost.
            if kept(part).get("encrypted_content"):
                items.append({"type": "reasoning", **kept(part)})
        elif isinstance(part, MediaPart):
            items.append(_said(note(part), None))
        elif "item" in kept(part):
            items.append(kept(part)["item"])
    while items and items[-1].get("type") == "reasoning":
        # An answer that broke off; the provider refuses reasoning that nothing follows.
        items.pop()
    return items


def _said(text: str, phase: Any) -> Item:
    item: Item = {"role": "assistant", "content": text}
    if phase is not None:
        item["phase"] = phase
    return item
