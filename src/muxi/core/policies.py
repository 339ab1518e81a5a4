"""Roles, policies and decisions: what they are. Made by `config` and by people through doors."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from muxi.core.permissions import PermissionText
from muxi.core.record import Record

RuleName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""The name of a role or of a policy."""

Permissions = Annotated[list[PermissionText], Field(max_length=200)]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]
Source = Literal["builtin", "file", "database"]


BUILTIN = ("admin", "member", "viewer", "auditor")
"""The roles that every project has."""


class Role(Record):
    """A name for what somebody may do."""

    name: RuleName
    description: Annotated[str, Field(max_length=1000)] = ""
    includes: Annotated[list[RuleName], Field(max_length=50)] = Field(default_factory=list[str])
    """Roles whose permissions it has too."""
    allow: Permissions = Field(default_factory=list[str])
    """What it allows, such as `runs.*` or `agents.use:helper`."""
    deny: Permissions = Field(default_factory=list[str])
    """What it refuses, whatever else allows it."""
    source: Source = "database"


class PolicyRule(Record):
    """Something that is allowed or refused to some users, whatever roles they have."""

    name: RuleName
    effect: Literal["allow", "deny"]
    permissions: Annotated[Permissions, Field(min_length=1)]
    """What it allows or refuses, such as `tools.use:shell`."""
    users: Names = Field(default_factory=list[str])
    """Ids of users whom it concerns."""
    groups: Names = Field(default_factory=list[str])
    """Groups whose members it concerns."""
    roles: Names = Field(default_factory=list[str])
    """Roles whose bearers it concerns; without users, groups and roles it concerns everybody."""
    agents: Names = Field(default_factory=list[str])
    """Patterns of the agents in whose runs it holds; without them it holds everywhere."""
    reason: Annotated[str, Field(max_length=1000)] = ""
    """What whoever is refused is told."""
    source: Source = "database"


class ActionInfo(Record):
    """Something that can be allowed or refused."""

    name: str
    words: str
    """What it lets somebody do, in words that follow "may"."""
    upon: str | None = None
    """What its resource names."""


class Decision(Record):
    """Whether somebody may do something, and why."""

    allowed: bool
    action: str
    resource: str | None = None
    agent: str | None = None
    """The agent in whose run it was asked."""
    reason: str
    """In words."""
    because: list[str] = Field(default_factory=list[str])
    """The permissions that decided, each with the role, policy or key that it stands in."""
