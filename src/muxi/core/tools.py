"""What people and programs are told of a project's tools. Made by `runtime`, read by doors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from muxi.core.manifests import ToolManifest
from muxi.core.record import Record
from muxi.core.requests import ToolAnnotations, ToolExample

Origin = Literal["program", "project", "builtin", "package", "server"]


class ToolVersion(Record):
    """One function of one version, as a model may be shown it."""

    name: str
    """What the model calls."""
    version: str
    entry: str
    """What agents name to have it and its companions."""
    source: Origin
    """Who brings it: a program that embeds muxi, the project, muxi, a package or an MCP server."""
    origin: str
    """Where exactly, in words."""
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict[str, Any])
    """JSON Schema of the arguments."""
    annotations: ToolAnnotations = Field(default_factory=ToolAnnotations)
    examples: list[ToolExample] = Field(default_factory=list[ToolExample])
    approval: bool = False
    """Whether a person must agree before each call, whoever calls."""
    digest: str = ""
    """SHA-256 of name, description, schema and annotations."""
    tokens: int = 0
    """What it takes in a prompt, about."""


class ToolInfo(Record):
    """A tool by name, with all its versions, the one that agents get first."""

    name: str
    title: str | None = None
    summary: str = ""
    """One line for people."""
    versions: list[ToolVersion] = Field(default_factory=list[ToolVersion])
    agents: list[str] = Field(default_factory=list[str])
    """Agents of the project that may use it."""
    manifest: ToolManifest | None = None
    """What it may touch and costs, if its maker has said so."""
    problem: str | None = None
    """Why it cannot be made as things are; it has no versions then."""


class ToolFinding(Record):
    """A tool whose version does not say how it has changed since it was recorded."""

    tool: str
    before: str
    """The version that was recorded."""
    now: str
    change: Literal["patch", "minor", "major"]
    """How far its callers are concerned: words only, more than before, or broken."""
    needed: str
    """The lowest version that says so."""
    reasons: list[str]
    severity: Literal["error", "warning"]
    """`warning` if only words have changed."""


class ToolCheck(Record):
    """What came of comparing all tools with their recorded versions."""

    checked: int
    """Functions that were compared with a recorded version of theirs."""
    new: list[str]
    """`NAME@VERSION` of what is not recorded yet."""
    findings: list[ToolFinding]
    gone: list[str]
    """Recorded names that nothing brings any more: their callers are broken."""
    problems: list[str]
    """Tools that could not be made, and why."""
    recorded: bool = False
    """Whether the record was written anew."""
