"""The chunks of a generateContent stream, as far as we read them. Part of the answer's decoder."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from muxi.wire.reading import Reader


class FunctionCall(Struct, rename="camel"):
    id: str | None = None
    name: str = ""
    args: dict[str, Any] | None = None


class Blob(Struct, rename="camel"):
    mime_type: str = "application/octet-stream"
    data: bytes = b""


class Part(Struct, rename="camel"):
    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    function_call: FunctionCall | None = None
    inline_data: Blob | None = None


class Content(Struct, rename="camel"):
    parts: list[Part] | None = None


class Candidate(Struct, rename="camel"):
    index: int = 0
    content: Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None


class PromptFeedback(Struct, rename="camel"):
    block_reason: str | None = None
    block_reason_message: str | None = None


class UsageReport(Struct, rename="camel"):
    """Running totals; what a chunk leaves out keeps its value."""

    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None


class Chunk(Struct, rename="camel"):
    candidates: list[Candidate] | None = None
    prompt_feedback: PromptFeedback | None = None
    usage_metadata: UsageReport | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: Any = None


read_chunk = Reader(Chunk)
read_chunks = Reader(list[Chunk])
