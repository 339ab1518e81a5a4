"""The types of an answer in chat completions, whole or in chunks, as far as muxi reads them.

Fields that are not named here are ignored. The same types write what the server answers.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Function(Struct, omit_defaults=True):
    name: str | None = None
    arguments: str | dict[str, Any] | None = None
    """JSON text, or a piece of it; some servers send the object itself."""


class ToolCall(Struct, omit_defaults=True):
    index: int | None = None
    """Which call this piece belongs to; some servers leave it out, or always say 0."""
    id: str | None = None
    type: str | None = None
    function: Function | None = None
    extra_content: dict[str, Any] | None = None
    """Google's thought signature, wanted back with the call."""


class Delta(Struct, omit_defaults=True):
    """A piece of an answer, or a whole one."""

    role: str | None = None
    content: str | list[Any] | None = None
    """Text; Mistral's reasoning models send typed chunks instead."""
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    reasoning_details: list[dict[str, Any]] | None = None
    tool_calls: list[ToolCall] | None = None


class Choice(Struct, omit_defaults=True):
    index: int = 0
    delta: Delta | None = None
    message: Delta | None = None
    """In place of `delta` when the answer is not streamed."""
    finish_reason: str | None = None
    error: Any = None


class PromptDetails(Struct, omit_defaults=True):
    cached_tokens: int | None = None
    cache_write_tokens: int | None = None


class CompletionDetails(Struct, omit_defaults=True):
    reasoning_tokens: int | None = None


class UsageReport(Struct, omit_defaults=True):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None
    prompt_cache_hit_tokens: int | None = None
    """DeepSeek's name for cached tokens."""
    cost: Any = None


class GroqReport(Struct, omit_defaults=True):
    usage: UsageReport | None = None
    error: str | None = None


class Chunk(Struct, omit_defaults=True):
    """One event of a stream, or the whole answer."""

    id: str | None = None
    object: str | None = None
    created: float | None = None
    model: str | None = None
    choices: list[Choice] | None = None
    usage: UsageReport | None = None
    x_groq: GroqReport | None = None
    error: Any | UnsetType = UNSET
    detail: Any | UnsetType = UNSET
    message: str | None = None
    """Errors of Mistral and vLLM stand at the top, `object` being `error`."""
