"""Parts of our messages as parts of generateContent. Part of the request encoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from muxi.core.messages import (
    AnyPart,
    FilePart,
    KeptPart,
    MediaPart,
    Message,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
)
from muxi.wire.gemini.dialect import Dialect
from muxi.wire.media import encoded, note

FORMAT = "gemini"
"""Key of this format in `Part.provider`."""
OWN_ID = "gemini-"
"""What ids begin with that we gave to calls without one; the provider does not know them."""

# https://ai.google.dev/gemini-api/docs/file-input-methods
MEDIA = (
    *("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"),
    *("audio/*", "video/*", "application/pdf"),
)
"""Media types that are taken inline."""

Piece = dict[str, Any]

_SIGNATURE = "thoughtSignature"
_NO_SIGNATURE = "skip_thought_signature_validator"
"""What the documentation tells to send with calls that another model made."""


def parts_of(dialect: Dialect, message: Message) -> list[Piece]:
    """What `message` says, as parts of a content."""
    if message.role == "assistant":
        return _answer(message.parts, dialect)
    if message.role == "tool":
        return _results(message.parts, dialect)
    return _said(message.parts)


def kept(part: AnyPart) -> dict[str, Any]:
    """What this provider gave along with `part`."""
    values = (part.provider or {}).get(FORMAT)
    return values if isinstance(values, dict) else {}


def by_id(part: MediaPart) -> bool:
    """Whether the format can name `part` by the address at which the provider keeps it."""
    return not isinstance(part, FilePart) or _in_words(part) is None


def _said(parts: Iterable[AnyPart | ToolContent]) -> list[Piece]:
    pieces: list[Piece] = []
    for part in parts:
        if isinstance(part, TextPart | RefusalPart):
            if part.text:
                pieces.append({"text": part.text})
        elif isinstance(part, MediaPart):
            pieces.append(_media(part))
    return pieces


def _answer(parts: Iterable[AnyPart], dialect: Dialect) -> list[Piece]:
    pieces: list[Piece] = []
    signed_call = False
    for part in parts:
        values = kept(part)
        piece = _answer_part(part, values)
        if piece is None:
            continue
        if _SIGNATURE in values:
            piece[_SIGNATURE] = values[_SIGNATURE]
        elif "functionCall" in piece and dialect.signatures and not signed_call:
            piece[_SIGNATURE] = _NO_SIGNATURE
        # Of calls made at once, only the first bears a signature.
        signed_call = signed_call or "functionCall" in piece
        pieces.append(piece)
    return pieces


def _answer_part(part: AnyPart, values: dict[str, Any]) -> Piece | None:
    if isinstance(part, TextPart | RefusalPart):
        return {"text": part.text} if part.text or _SIGNATURE in values else None
    if isinstance(part, ReasoningPart):
        # Summaries of thoughts are for people; only what is signed is wanted back.
        return {"text": part.text, "thought": True} if _SIGNATURE in values else None
    if isinstance(part, ToolCallPart):
        # Arguments must be an object, whatever the model wrote.
        broken = {"INVALID_JSON": part.malformed}
        call: Piece = {
            "name": part.name,
            "args": part.arguments if part.malformed is None else broken,
        }
        return {"functionCall": _with_id(call, part.id)}
    if isinstance(part, MediaPart):
        return _media(part)
    return dict(values["part"]) if "part" in values else None


def _results(parts: Iterable[AnyPart], dialect: Dialect) -> list[Piece]:
    pieces: list[Piece] = []
    beside: list[Piece] = []
    for part in parts:
        if not isinstance(part, ToolResultPart):
            continue
        media = [_media(item) for item in part.content if isinstance(item, MediaPart)]
        response: Piece = {
            "name": part.name,
            "response": {"output" if part.outcome == "ok" else "error": part.text},
        }
        if media and dialect.rich:
            response["parts"] = [piece for piece in media if "inlineData" in piece]
            media = [piece for piece in media if "inlineData" not in piece]
        pieces.append({"functionResponse": _with_id(response, part.call_id)})
        beside.extend(media)
    return pieces + beside


def _with_id(piece: Piece, call_id: str) -> Piece:
    return piece if call_id.startswith(OWN_ID) else {"id": call_id, **piece}


def _media(part: MediaPart) -> Piece:
    kind = part.media_type
    if isinstance(part, KeptPart):
        return {"fileData": {"mimeType": kind, "fileUri": part.id}}
    if isinstance(part, FilePart) and (words := _in_words(part)) is not None:
        return {"text": words}
    if part.url is not None:
        return {"fileData": {"mimeType": kind, "fileUri": part.url}}
    return {"inlineData": {"mimeType": kind, "data": encoded(part)}}


def _in_words(part: FilePart) -> str | None:
    """What is said in place of a file that cannot be given; None if it can."""
    kind = part.media_type
    if part.data is None or kind == "application/pdf":
        return None
    if kind == "application/json":
        return part.data.decode("utf-8", "replace")
    return note(part) if kind.partition("/")[0] in ("application", "multipart") else None
