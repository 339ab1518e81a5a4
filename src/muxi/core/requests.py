"""What a model is asked, in no provider's dialect. Built by agents, written to bytes by `wire`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self

from pydantic import Field, JsonValue

from muxi.core.messages import Message
from muxi.core.record import Record


class ToolExample(Record):
    """A request and the arguments that answer it; shown to models that learn from examples."""

    request: str
    arguments: dict[str, JsonValue]


class ToolAnnotations(Record):
    """What a call does to the world, in the terms of MCP. None where nobody has said."""

    title: str | None = None
    """A name for people."""
    read_only: bool | None = None
    """Whether it changes nothing."""
    destructive: bool | None = None
    """Whether it may destroy what was there, not only add to it."""
    open_world: bool | None = None
    """Whether it deals with things outside of the project, such as the web."""


class ToolSpec(Record):
    """What a model is told of a tool, and how its calls are to be treated."""

    name: str
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=lambda: {"type": "object", "properties": {}})
    """JSON Schema (2020-12) of the arguments, an object."""
    examples: tuple[ToolExample, ...] = ()
    version: str | None = None
    annotations: ToolAnnotations = Field(default_factory=ToolAnnotations)
    strict: bool = True
    """Whether a provider that can should hold the model to the schema."""
    idempotent: bool = False
    """Whether a call may be repeated after a crash without asking."""
    approval: bool = False
    """Whether a person must agree before each call."""
    timeout: float | None = 60.0
    """Seconds one attempt may take; None for no bound."""
    retries: int = 0
    """Further attempts after the tool itself failed; never after refused arguments."""
    max_bytes: int = 1_000_000
    """Longest result, in UTF-8 bytes, that a model is handed; the rest is cut with a notice."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, without what was derived from the fields that are replaced."""
        copied = super().model_copy(update=update, deep=deep)
        for derived in ("digest", "text") if update else ():
            vars(copied).pop(derived, None)
        return copied

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what callers depend on: name, description, schema and annotations. The order
        of keys does not count."""
        told = self.model_dump(include={"name", "description", "parameters", "annotations"})
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    @cached_property
    def text(self) -> str:
        """All that a model reads of the tool, as one text; for counting its tokens."""
        return f"{self.name} {self.description} {json.dumps(self.parameters, ensure_ascii=False)}"


class NamedTool(Record):
    """A tool choice that admits one tool only."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedTool


class OutputSchema(Record):
    """The shape that the answer must have."""

    name: str
    json_schema: dict[str, Any]
    strict: bool = True
    description: str | None = None


class ModelSettings(Record):
    """How a model should sample. None leaves a matter to the provider."""

    temperature: float | None = None
    """How freely tokens are drawn, from 0; what the upper bound is, the provider says."""
    top_p: float | None = None
    """Share of the likeliest tokens that are drawn from, above 0 and up to 1."""
    max_tokens: int | None = None
    """Output tokens of one answer."""
    stop: tuple[str, ...] = ()
    """Texts at which the answer ends; they are left out of it."""
    seed: int | None = None
    """Makes answers repeatable, as far as the provider can."""
    reasoning: Literal["off", "low", "medium", "high"] | int | None = None
    """Effort, or a budget in tokens."""
    parallel_tool_calls: bool | None = None
    """Whether the model may ask for several tools at once."""
    cache_prompt: bool = True
    """Whether stable prefixes are marked for the provider's cache where marks are needed."""
    timeout: float | None = None
    """Seconds between two pieces of the answer; None for the endpoint's default."""
    extra: dict[str, JsonValue] = Field(default_factory=dict)
    """Merged into the body of the request as it is."""


class ModelRequest(Record):
    """One question to a model: everything it will see."""

    messages: list[Message]
    instructions: str = ""
    tools: tuple[ToolSpec, ...] = ()
    tool_choice: ToolChoice = "auto"
    output: OutputSchema | None = None
    settings: ModelSettings = Field(default_factory=ModelSettings)
    may_keep: bool = False
    """Whether some of its media may be kept by the provider, which is not looked for otherwise."""
