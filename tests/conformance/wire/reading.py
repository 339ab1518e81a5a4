"""An answer as plain values, whoever read it: what ours and the SDKs' are compared by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from muxi.core.events import ResponseCompleted
from muxi.core.messages import (
    MediaPart,
    ReasoningPart,
    RefusalPart,
    TextPart,
    ToolCallPart,
    UnknownPart,
)
from muxi.core.record import clean
from muxi.core.usage import Usage


@dataclass
class Reading:
    parts: list[tuple[Any, ...]]
    usage: dict[str, int]
    stop: str
    model: str
    response_id: str | None


def usage_of(**counts: int | None) -> dict[str, int]:
    """Counts in our names, all of them."""
    names = ("input", "output", "cached", "cache_write", "reasoning")
    return {name: counts.get(name) or 0 for name in names}


def call(name: str, arguments: Any, call_id: str | None) -> tuple[Any, ...]:
    """A tool call; `arguments` is an object or the text of one."""
    if isinstance(arguments, str):
        try:
            parsed = json.loads(arguments or "{}")
        except ValueError:
            parsed = None
        arguments = parsed if isinstance(parsed, dict) else ("malformed", arguments)
    return ("call", name, arguments, call_id)


def ours(done: ResponseCompleted) -> Reading:
    usage: Usage = done.usage
    return Reading(
        [_part(part) for part in done.parts],
        usage_of(
            input=usage.input_tokens,
            output=usage.output_tokens,
            cached=usage.cached_tokens,
            cache_write=usage.cache_write_tokens,
            reasoning=usage.reasoning_tokens,
        ),
        done.stop_reason,
        done.model.partition("/")[2],
        done.response_id,
    )


def _part(part: Any) -> tuple[Any, ...]:
    kept = next(iter((part.provider or {}).values()), {})
    if isinstance(part, TextPart):
        return ("text", part.text, kept.get("thoughtSignature"))
    if isinstance(part, RefusalPart):
        return ("refusal", part.text)
    if isinstance(part, ReasoningPart):
        signs = ("signature", "redacted", "encrypted_content", "thoughtSignature")
        return ("reasoning", part.text, next((kept[s] for s in signs if s in kept), None))
    if isinstance(part, ToolCallPart):
        arguments = part.arguments if part.malformed is None else ("malformed", part.malformed)
        call_id = None if part.id.startswith("gemini-") else part.id
        return ("call", part.name, arguments, call_id)
    if isinstance(part, MediaPart):
        return ("media", part.media_type, part.data)
    assert isinstance(part, UnknownPart)
    return ("other", part.type.partition(".")[2])


def text(value: str, signature: str | None = None) -> tuple[Any, ...]:
    return ("text", clean(value), signature)
