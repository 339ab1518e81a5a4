"""How the MCP servers of a project are doing. Made by `mcp`, shown by doors. Data only."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from muxi.core.messages import Message, ToolContent
from muxi.core.record import Record

ServerState = Literal["idle", "connecting", "ready", "waiting", "failed", "not_installed", "off"]
"""`idle`: nobody has needed it yet. `waiting`: it failed and is tried again soon. `failed`: it is
tried again when it is needed. `not_installed`: its packages are not there. `off`: not enabled."""


class RemoteToolInfo(Record):
    """A tool of a server, in short."""

    name: str
    """What models call it."""
    remote: str
    """What the server calls it."""
    title: str | None = None
    description: str = ""


class ServerInfo(Record):
    """One MCP server of the project."""

    name: str
    transport: Literal["stdio", "http", "memory"]
    target: str
    """The command without its arguments, or the address without credentials."""
    state: ServerState
    personal: bool = False
    """Whether each user has connections of their own to it: what is told is about the caller's."""
    detail: str = ""
    """Why it is not ready, in words."""
    server: str | None = None
    """How it calls itself."""
    version: str | None = None
    """Its own version."""
    protocol: str | None = None
    """The revision that was agreed upon."""
    pid: int | None = None
    since: datetime | None = None
    """When it became ready."""
    restarts: int = 0
    """How often it had to be connected again since muxi started."""
    calls: int = 0
    """Calls that were made since muxi started."""
    failures: int = 0
    """Those that ended with the connection or ran out of time."""
    latency: float | None = None
    """Seconds that its last sign of health took."""
    retry_in: float | None = None
    """Seconds until the next attempt."""
    tools: list[RemoteToolInfo] = Field(default_factory=list[RemoteToolInfo])
    held_back: int = 0
    """Parts of what it offers that agents are not shown, because they are new or have changed."""
    refused: dict[str, str] = Field(default_factory=dict[str, str])
    """Tools that cannot be offered to any model, and why."""
    confined: bool | None = None
    """Whether permissions are declared for it; None for a remote server."""
    notes: list[str] = Field(default_factory=list[str])
    """What of them cannot be enforced on this machine."""


class ServerLogLines(Record):
    """The last words of a server."""

    lines: list[str]
    """Oldest first, each with its time."""


class RemoteResource(Record):
    """Something that a server lets clients read."""

    uri: str
    name: str = ""
    title: str | None = None
    description: str | None = None
    media_type: str | None = None
    size: int | None = None
    """Bytes, as the server says."""


class RemoteContent(Record):
    """What a resource holds."""

    parts: list[ToolContent]


class PromptArgument(Record):
    """A value that a prompt takes."""

    name: str
    description: str | None = None
    required: bool = False


class RemotePrompt(Record):
    """A text with gaps that a server offers to people."""

    name: str
    title: str | None = None
    description: str | None = None
    arguments: list[PromptArgument] = Field(default_factory=list[PromptArgument])


class PromptMessages(Record):
    """A prompt with its gaps filled."""

    messages: list[Message]


class Completions(Record):
    """What could stand for a value, best first."""

    values: list[str]
