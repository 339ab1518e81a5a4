"""A project as data: what muxi.yaml declares. The same can be written in Python.

Read by `load`, turned into live objects by `runtime`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from muxi.config.approval_settings import ApprovalSettings
from muxi.config.audit_settings import AuditSettings
from muxi.config.file_settings import FileSettings
from muxi.config.identity_settings import IdentitySettings
from muxi.config.knowledge_settings import KnowledgeSettings
from muxi.config.master_key_settings import MasterKeySettings
from muxi.config.mcp_settings import McpSettings
from muxi.config.media_settings import MediaSettings
from muxi.config.memory_settings import MemorySettings
from muxi.config.model_settings import ModelDefinition, Positive, Section
from muxi.config.secret import SecretRef
from muxi.config.server_settings import ServerSettings
from muxi.config.tool_settings import ASSISTANT_TOOLS, ToolDefinition, ToolKey
from muxi.core.budgets import Budget, BudgetName
from muxi.core.definitions import AgentDefinition, AgentName

DEFAULT_AGENT = "assistant"
EMBEDDED = "embedded"
"""Name of the model that runs inside muxi."""
PROJECT_FILE = "muxi.yaml"
STATE_FOLDER = ".muxi"
SCHEMA_FILE = f"{STATE_FOLDER}/muxi.schema.json"
"""Where editors find the schema of the project file, from the project's folder."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$")]


class SnapshotSettings(Section):
    """Copies of the SQLite file that are made before it is migrated."""

    keep: Annotated[int, Field(ge=1, le=1_000)] = 5
    """How many are kept; the oldest go first."""
    days: Positive | None = 90
    """Days after which a snapshot goes, but never the newest one; null for no bound."""


class StorageSettings(Section):
    """Where threads, runs and secrets are kept."""

    url: SecretRef | None = None
    """`sqlite:///path/muxi.db` or `postgresql://…`; by default `.muxi/muxi.db` in the project."""
    owner_url: SecretRef | None = None
    """PostgreSQL only: the role that owns and migrates the tables; by default that of `url`."""
    durability: Literal["full", "normal"] = "full"
    """`full` survives a power cut; `normal` may then lose the last moments, never the file."""
    master_key: MasterKeySettings = Field(default_factory=MasterKeySettings)
    """Where the key is that stored secrets are sealed with."""
    snapshots: SnapshotSettings = Field(default_factory=SnapshotSettings)
    """Copies of the SQLite file before it is migrated."""


def assistant() -> AgentDefinition:
    """The agent of a project that declares none: it has the built-in tools."""
    return AgentDefinition(
        name=DEFAULT_AGENT,
        description="Answers questions, with a calculator, a clock and the web.",
        instructions="You are a helpful assistant. Answer briefly and truthfully.",
        tools=list(ASSISTANT_TOOLS),
    )


class Project(Section):
    """Everything that a project declares. All names in it are checked by `check_references`."""

    name: Name | None = None
    """Name of the project, to show; by default the folder's."""
    agent: str | None = None
    """The agent that answers when none is named; by default `assistant`, or the first one."""
    model: str = EMBEDDED
    """The model of agents that name none: a name of `models`, `provider/model`, or `embedded`."""
    agents: dict[AgentName, AgentDefinition] = Field(
        default_factory=lambda: {DEFAULT_AGENT: assistant()}
    )
    """Agents by name; without any there is an `assistant` with the built-in tools."""
    models: dict[Name, ModelDefinition] = Field(default_factory=dict[str, ModelDefinition])
    """Models by name, with keys, prices and limits."""
    tools: dict[ToolKey, ToolDefinition] = Field(default_factory=dict[str, ToolDefinition])
    """Options of built-in tools and of packages' tools, and the project's own. `NAME@VERSION` where
    several versions of one serve different agents."""
    mcp: McpSettings = Field(default_factory=McpSettings)
    """MCP servers whose tools agents may use."""
    approvals: ApprovalSettings = Field(default_factory=ApprovalSettings)
    """Which tool calls are made, which are refused, and which a person is asked about."""
    storage: StorageSettings = Field(default_factory=StorageSettings)
    """Where threads, runs and secrets are kept."""
    server: ServerSettings = Field(default_factory=ServerSettings)
    """Where `muxi up` listens."""
    identity: IdentitySettings = Field(default_factory=IdentitySettings)
    """Who may use the project, and how they sign in."""
    memory: MemorySettings = Field(default_factory=MemorySettings)
    """What agents remember of their conversations, and what they are told of it."""
    knowledge: KnowledgeSettings = Field(default_factory=KnowledgeSettings)
    """Documents that agents look into."""
    files: FileSettings = Field(default_factory=FileSettings)
    """What people may send, how much of it, and who looks at it first."""
    media: MediaSettings = Field(default_factory=MediaSettings)
    """Who transcribes recordings, reads texts aloud and describes pictures."""
    budgets: dict[BudgetName, Budget] = Field(default_factory=dict[str, Budget])
    """Budgets by name: what runs, agents, users and tenants may consume."""
    audit: AuditSettings = Field(default_factory=AuditSettings)
    """The log of who did what."""

    folder: Path = Field(default=Path(), exclude=True)
    """The project's folder; relative paths start there. Not part of the file."""
    file: Path | None = Field(default=None, exclude=True)
    """The file that this came from; None if there is none. Not part of the file."""

    @property
    def state_folder(self) -> Path:
        """Where the database, the socket and the keys of the project lie."""
        return self.folder / STATE_FOLDER

    @property
    def default_agent(self) -> str:
        """The name of the agent that answers when none is named."""
        if self.agent is not None:
            return self.agent
        return next(iter(self.agents)) if DEFAULT_AGENT not in self.agents else DEFAULT_AGENT

    @field_validator("agents")
    @classmethod
    def _at_least_one(cls, value: dict[str, AgentDefinition]) -> dict[str, AgentDefinition]:
        return value or {DEFAULT_AGENT: assistant()}
