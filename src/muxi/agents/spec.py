"""What decides how an agent behaves, as values: made by `Agent`, read by a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypedDict

from muxi.agents.client_calls import ClientCalls
from muxi.agents.guardrails import Guardrail
from muxi.agents.output import Output
from muxi.agents.prompt import Instructions
from muxi.core.definitions import AgentDefinition
from muxi.core.ports import ContextSource, RunMemory
from muxi.core.requests import ModelSettings
from muxi.core.usage import Limits
from muxi.tools.toolset import Toolset

ToolLike = Toolset | Callable[..., Any]
"""A toolset, a `@tool`, or a plain typed function."""


class AgentParts(TypedDict, total=False):
    """What `Agent(...)` takes beside a name, a model and an output type."""

    description: str
    instructions: Instructions
    tools: Sequence[ToolLike]
    repairs: int
    limits: Limits | None
    settings: ModelSettings | None
    guardrails: Sequence[Guardrail]
    sources: Sequence[ContextSource]
    history_tokens: int | None
    memory: RunMemory | None


@dataclass(kw_only=True)
class AgentSpec:
    """An agent's parts. Never changed after it was made, so any number of runs share it."""

    name: str
    description: str = ""
    instructions: Instructions = ""
    toolsets: Sequence[Toolset] = ()
    output: Output | None = None
    repairs: int = 2
    """How often a model may mend a structured output of the wrong shape."""
    limits: Limits = field(default_factory=Limits)
    settings: ModelSettings = field(default_factory=ModelSettings)
    guardrails: Sequence[Guardrail] = ()
    sources: Sequence[ContextSource] = ()
    history_tokens: int | None = None
    memory: RunMemory | None = None
    """Long-term memory of runs without a server; a server brings its own."""
    client: ClientCalls | None = None
    """Tools of whoever began the run; None if it brought none."""
    definition: AgentDefinition | None = None
    """Where the agent came from, when that was a file or the database."""

    @cached_property
    def hash(self) -> str:
        """Content hash of the definition, the agent's own or one derived from its values."""
        if self.definition is not None:
            return self.definition.hash
        instructions = self.instructions
        return AgentDefinition(
            name=self.name,
            description=self.description,
            instructions=instructions if isinstance(instructions, str) else "",
            output=None if self.output is None else self.output.schema.json_schema,
            settings=self.settings,
            limits=self.limits,
            history_tokens=self.history_tokens,
        ).hash
