"""What a project says of who may do what: its own roles and policies. Part of `identity`.

Data only; `runtime.guard` decides by it.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from muxi.config.model_settings import Section
from muxi.core.permissions import PermissionText
from muxi.core.policies import BUILTIN, RuleName

Permissions = Annotated[list[PermissionText], Field(max_length=200)]
Names = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=200)]


class RoleSettings(Section):
    """A name for what somebody may do, beside `admin`, `member`, `viewer` and `auditor`."""

    description: str = ""
    """What it is for."""
    includes: list[RuleName] = Field(default_factory=list[str])
    """Roles whose permissions it has too."""
    allow: Permissions = Field(default_factory=list[str])
    """What it allows, such as `runs.*` or `agents.use:helper`."""
    deny: Permissions = Field(default_factory=list[str])
    """What it refuses, whatever else allows it."""


class PolicySettings(Section):
    """Something that is allowed or refused to some users, whatever roles they have."""

    effect: Literal["allow", "deny"] = "deny"
    """Whether it allows or refuses; what one policy refuses no other rule allows."""
    permissions: Annotated[Permissions, Field(min_length=1)]
    """What it allows or refuses, such as `tools.use:shell`."""
    users: Names = Field(default_factory=list[str])
    """Ids of users whom it concerns."""
    groups: Names = Field(default_factory=list[str])
    """Groups whose members it concerns."""
    roles: Names = Field(default_factory=list[str])
    """Roles whose bearers it concerns; without users, groups and roles it concerns everybody."""
    agents: Names = Field(default_factory=list[str])
    """Agents in whose runs it holds, where `*` stands for anything; by default everywhere."""
    reason: str = ""
    """What whoever is refused is told."""


def _consistent(roles: dict[str, RoleSettings]) -> dict[str, RoleSettings]:
    for name, role in roles.items():
        if name in BUILTIN:
            raise _mistake(f"the role {name} is built in: choose another name")
        for included in role.includes:
            if included not in roles and included not in BUILTIN:
                raise _mistake(f"the role {name} includes {included}, which does not exist")
        _check_circle(name, roles, ())
    return roles


def _check_circle(name: str, roles: dict[str, RoleSettings], above: tuple[str, ...]) -> None:
    if name in above:
        raise _mistake(f"the role {name} includes itself")
    for each in roles[name].includes if name in roles else ():
        _check_circle(each, roles, (*above, name))


def _mistake(words: str) -> PydanticCustomError:
    return PydanticCustomError("roles", "{words}", {"words": words})


Roles = Annotated[dict[RuleName, RoleSettings], AfterValidator(_consistent)]
"""Roles that include only what there is."""
