"""What differs between the tools a project trusts and those that an MCP server offers now.

Made by `mcp.lock`, shown by doors. Data only.
"""

from __future__ import annotations

from typing import Literal

from muxi.core.record import Record

SurfaceKind = Literal["tool", "prompt", "resource_template", "instructions"]


class Finding(Record):
    """Something suspicious in what a server says."""

    rule: str
    """Stable name of the rule."""
    severity: Literal["error", "warning"]
    """An `error` keeps a definition out until a person approves it; a `warning` is only told."""
    where: str
    """Place in the definition, such as `inputSchema.properties.path.description`."""
    message: str
    """What it does, to be read after the place."""
    excerpt: str = ""
    """The words, with what is invisible in them written as code points."""


class LockChange(Record):
    """A part of what a server offers that is not as it was locked."""

    server: str
    kind: SurfaceKind
    name: str
    change: Literal["new", "changed", "removed", "refused"]
    """`refused` can never be approved: the definition itself is not one. All others can."""
    sha256: str | None = None
    """Of what is offered now; None if it is gone. An approval names it, so that it counts for
    what the person has seen."""
    diff: str = ""
    """From what was locked to what is offered, as a unified diff."""
    findings: tuple[Finding, ...] = ()


class ServerLock(Record):
    """How one server stands with the lock."""

    server: str
    locked: bool
    """Whether the lock knows it."""
    seen: bool
    """Whether it has said what it offers since muxi started."""
    declared: bool = True
    """Whether the project still declares it."""
    problem: str = ""
    """Why it could not be asked now."""
    parts: int = 0
    """Tools, prompts, templates and instructions that are locked."""
    changes: tuple[LockChange, ...] = ()


class LockApproval(Record):
    """What a person approves of a server's changes."""

    name: str | None = None
    """The tool, prompt or template; None for everything that can be approved."""
    seen: list[str] | None = None
    """Hashes of what the person has seen; what changed since then is refused."""
