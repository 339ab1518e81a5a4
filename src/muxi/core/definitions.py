"""An agent as data: the same whether it came from a file or from the database.

`config` reads it from muxi.yaml, `storage` keeps versions of it, `runtime` makes an agent of it.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any

from pydantic import Field, StringConstraints

from muxi.core.documents import KnowledgePolicy
from muxi.core.memories import MemoryPolicy
from muxi.core.record import Record
from muxi.core.requests import ModelSettings
from muxi.core.tool_search import ToolSearchPolicy
from muxi.core.usage import Limits

AgentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")]


class AgentDefinition(Record):
    """Everything that decides how an agent behaves, without secrets and live objects."""

    name: AgentName
    description: str = ""
    """One sentence for people and for other agents."""
    instructions: str = ""
    """What the agent is told before every conversation."""
    model: str | None = None
    """`provider/model` or a name from the project's models; None for the project's default."""
    tools: list[str] = Field(default_factory=list[str])
    """Names of tools; `name*` takes all that begin so, `name@^1.2` one of these versions."""
    approve: list[str] = Field(default_factory=list[str])
    """Tools whose calls need a person's approval, beside those that say so themselves."""
    tool_search: ToolSearchPolicy = Field(default_factory=ToolSearchPolicy)
    """How it is shown its tools when they are many."""
    output: dict[str, Any] | None = None
    """JSON Schema that the answer must have."""
    settings: ModelSettings = Field(default_factory=ModelSettings)
    """How the model samples for this agent."""
    limits: Limits = Field(default_factory=Limits)
    """Bounds on each run of this agent."""
    history_tokens: int | None = None
    """Tokens of earlier messages that enter a turn; None for what the model's context allows."""
    knowledge: KnowledgePolicy = Field(default_factory=KnowledgePolicy)
    """What documents it looks into."""
    memory: MemoryPolicy = Field(default_factory=MemoryPolicy)
    """What the agent remembers of its conversations, and may recall."""

    @property
    def hash(self) -> str:
        """SHA-256 of the definition's canonical JSON; a run stores the one that it ran."""
        return hashlib.sha256(self.model_dump_json(exclude_defaults=True).encode()).hexdigest()
