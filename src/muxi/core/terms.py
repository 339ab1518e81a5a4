"""What a client asks of a run beside its input: tools of its own, a shape, settings. Made by doors.

The run is stored with its terms, so that a successor keeps to them. They add to an agent and never
take away from it: its own instructions, tools, guardrails and limits hold as they are.
"""

from __future__ import annotations

import json
import re
from typing import Self

from pydantic import Field, JsonValue, field_validator, model_validator

from muxi.core.messages import Message, ToolContent
from muxi.core.record import Record
from muxi.core.requests import ModelSettings, NamedTool, OutputSchema, ToolChoice, ToolSpec

_MOST_TOOLS = 128
_LARGEST_STATE = 64 * 1024
UPDATE_STATE = "update_shared_state"
"""The tool by which an agent changes the state that it shares with the page of its user: its
argument `changes` is a JSON Merge Patch (RFC 7396)."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

CLIENT_RESULT: dict[str, JsonValue] = {
    "anyOf": [
        {"type": "string"},
        {
            "type": "object",
            "properties": {"content": {"type": "array"}, "error": {"type": "boolean"}},
            "required": ["content"],
        },
    ]
}
"""JSON Schema of what a client says of a call: a text, or a `ClientResult`."""


class Terms(Record):
    """Beside the agent's own: what the client of one run asks for."""

    instructions: str = ""
    """Put after the agent's own."""
    tools: tuple[ToolSpec, ...] = Field(default=(), max_length=_MOST_TOOLS)
    """Tools that the client calls itself. A run that needs such a call is suspended with it, and
    goes on once the client has given its result."""
    tool_choice: ToolChoice = "auto"
    """Whether the model must call one of the client's tools before it may answer; `none`: it may
    not. Tools of the agent itself may be called in any case."""
    output: OutputSchema | None = None
    """In place of the agent's own."""
    settings: ModelSettings = Field(default_factory=ModelSettings)
    """What differs from the defaults goes before the agent's own; `max_tokens` only narrows it."""

    state: dict[str, JsonValue] | None = None
    """What the client's page shows, if it shares that: the agent is told, and may change it by the
    tool `update_shared_state`."""
    passing: bool = False
    """Whether nothing of the run is left when it is over: it has a thread of its own, which goes
    with it. What it consumed still counts."""
    kept: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """What the client's protocol wants to find again with the run."""

    @field_validator("tools")
    @classmethod
    def _named(cls, value: tuple[ToolSpec, ...]) -> tuple[ToolSpec, ...]:
        names = [tool.name for tool in value]
        for name in names:
            if _NAME.fullmatch(name) is None:
                raise ValueError(f"{name[:64]!r} is no name of a tool: 1 to 64 of A-Z a-z 0-9 _ -")
            if names.count(name) > 1:
                raise ValueError(f"two tools are called {name}")
        return value

    @field_validator("state")
    @classmethod
    def _fits(cls, value: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if value is not None and len(json.dumps(value)) > _LARGEST_STATE:
            raise ValueError(f"the shared state is larger than {_LARGEST_STATE} bytes of JSON")
        return value

    @model_validator(mode="after")
    def _can_be_chosen(self) -> Self:
        choice = self.tool_choice
        if isinstance(choice, NamedTool) and all(each.name != choice.name for each in self.tools):
            raise ValueError(f"tool_choice: there is no tool {choice.name[:64]} among `tools`")
        if choice == "required" and not self.tools:
            raise ValueError("tool_choice: a call is required, and there are no `tools`")
        return self


class RunTerms(Terms):
    """Terms as a run keeps them, which a client may renew when it gives results."""

    since: str | None = None
    """The run's last message when the client spoke last; None at its beginning."""
    after: int = 0
    """Number of the last event before the client spoke last; 0 at the run's beginning."""
    before: tuple[ToolSpec, ...] = ()
    """The client's tools until it spoke last: what it gives results of."""
    then: Message | None = None
    """What the client says after the results that it gives."""


class ClientResult(Record):
    """What the client says of a call that it has made: the answer to its question."""

    content: list[ToolContent]
    error: bool = False
    """Whether the call failed; `content` says why."""
