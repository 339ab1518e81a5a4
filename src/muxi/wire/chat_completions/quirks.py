"""Where providers that speak chat completions differ. Data only; `models.providers` fills it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(slots=True, frozen=True, kw_only=True)
class Quirks:
    """One dialect. The defaults fit a server that does what most of them do."""

    max_tokens: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """Name of the bound on output tokens."""
    seed: str | None = "seed"
    """Name of the sampling seed; None when there is none."""
    stream_usage: bool = True
    """Whether `stream_options.include_usage` is understood."""
    strict_tools: bool = False
    """Whether tools may be marked `strict`."""
    parallel_tools: bool = True
    """Whether `parallel_tool_calls` is understood."""
    tool_required: Literal["required", "any"] = "required"
    """How "some tool must be called" is written."""
    tool_named: bool = True
    """Whether one tool can be demanded by name; else `tool_required` stands in, with that tool
    alone on offer."""
    short_call_ids: bool = False
    """Whether ids of calls must be nine letters and digits."""
    output: Literal["json_schema", "json_object", "instructions"] = "json_schema"
    """How a shape of the answer is asked for; the latter two put the schema into words as well."""
    reasoning: Literal["effort", "object", "thinking", "template", "none"] = "effort"
    """How effort is asked for: `reasoning_effort`; OpenRouter's object `reasoning`; the switch
    `thinking` beside `reasoning_effort`; the chat template's `enable_thinking`; not at all."""
    reasoning_off: str | None = "none"
    """The effort that means no reasoning; None when there is no such."""
    replay: Literal["none", "reasoning_content", "reasoning", "reasoning_details", "chunks"] = (
        "none"
    )
    """The field in which the model wants its earlier reasoning back."""
    cache_marks: tuple[str, ...] = ()
    """Beginnings of model names whose provider caches only what is marked with `cache_control`."""
    usage_cost: bool = False
    """Whether `usage.cost` is the price in US dollars."""
    file_urls: bool = False
    """Whether `file_data` may be an address."""
