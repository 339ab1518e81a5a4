"""What a running project tells about itself. Made by `runtime`, read by doors and by the client."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from muxi.core.definitions import AgentDefinition
from muxi.core.record import Record


class ModelInfo(Record):
    """A model that the project can use."""

    name: str
    """The name that agents use: `provider/model`, or the project's own name for it."""
    model: str | None = None
    """`provider/model` behind a name of the project's own."""
    default: bool = False
    small: bool = False
    """Good for trying things out only."""
    ready: bool = True
    """Whether it can be used as it is: weights present, key set."""
    note: str | None = None
    """What a person should know of it, such as why it cannot be used yet."""
    context_tokens: int | None = None


class FilesAtProvider(Record):
    """How many files a provider of models keeps for a tenant."""

    provider: str
    kept: int
    """All of them, whoever shows them."""
    left: int = 0
    """Of these, the ones that are to be deleted there, as nothing here shows them any more."""
    given_up: int = 0
    """Of these, the ones that the provider is not asked to delete any more."""
    failing_since: datetime | None = None
    """When the provider failed first to delete the one that is left for longest."""


class AgentInfo(Record):
    """An agent and where its definition comes from."""

    name: str
    description: str = ""
    model: str
    tools: list[str]
    source: Literal["file", "database", "default"]
    """`file` is read-only over the API; `default` is the agent of a project that declares none."""
    hash: str
    default: bool = False
    definition: AgentDefinition


class AgentVersion(Record):
    """A version of an agent that is stored: every one that was saved, or that a run began with."""

    number: int
    hash: str
    author: str
    created_at: datetime
    current: bool
    """Whether the agent's name stands for it now."""


class SecretInfo(Record):
    """A secret that the project stores. Its value is never told."""

    name: str


class KeyRotation(Record):
    """What a change of the master key has done."""

    key_id: str
    """Which key is used now. It tells nothing of the key itself."""
    rewrapped: int
    """Secrets that went on to it."""
    note: str | None = None
    """What is left to do by hand."""


class Reloaded(Record):
    """What came of reading a project's file again."""

    changed: list[str]
    """Sections that hold from the next run on."""
    restart: list[str]
    """Sections that have changed and hold only once the server is started anew."""


class ServerStatus(Record):
    """The state of a project and of the process that owns it."""

    version: str
    project: str
    default_agent: str
    model: ModelInfo
    """The model that agents without one of their own use."""
    owner_pid: int
    active_runs: int = 0
