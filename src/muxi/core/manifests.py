"""What people are told of a tool before they give it to an agent: its manifest.

Every built-in tool has one, packages that bring tools write them, and docs, dashboard and schema
are made from them. What the model is told stands in `core.requests.ToolSpec` instead.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from muxi.core.record import Record

SemanticVersion = Annotated[
    str,
    StringConstraints(
        pattern=r"^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$"
    ),
]
"""A version as semver.org 2.0.0 writes it."""


class Permissions(Record):
    """What a tool may touch. What is not named it does not need."""

    files: Literal["none", "read", "write"] = "none"
    """Whether it reads or changes files of the machine; which ones, its settings say."""
    network: tuple[str, ...] = ()
    """Hosts that it speaks to; `*` for any public one."""
    processes: bool = False
    """Whether it starts other programs."""


class SecretNeed(Record):
    """A secret that a tool takes by its settings."""

    name: str
    """Name of the setting that holds it."""
    description: str
    required: bool = False


class ToolCost(Record):
    """What a call costs beside the model's tokens."""

    usd_per_call: Decimal | None = None
    """US dollars; None if that depends on the service."""
    note: str = ""


class ToolManifest(Record):
    """One kind of tool, which may bring several functions."""

    name: str
    """The name that agents list under `tools`, and projects configure."""
    version: SemanticVersion
    summary: str
    """One sentence for people."""
    tools: tuple[str, ...]
    """Names of the functions that the model is shown."""
    permissions: Permissions = Field(default_factory=Permissions)
    secrets: tuple[SecretNeed, ...] = ()
    cost: ToolCost = Field(default_factory=lambda: ToolCost(usd_per_call=Decimal(0)))
    live: bool = True
    """Whether it has met the live service that it speaks to, not only a server of that protocol."""
    notes: str = ""
    """What an operator should know: limits, and what it leaves on the machine."""
