"""What a server offers, taken apart and judged piece by piece. Called by `lock`."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass

from muxi.core.lock_changes import Finding
from muxi.mcp.poison import inspect
from muxi.mcp.surface import Definition, Kind, Surface, canonical, fingerprint

_TOOL_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_LONGEST_NAME = 1_000
_MOST_BYTES = 200_000
"""Of the canonical JSON of one definition. What is longer would fill a model's context."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One part of what a server offers now, judged by itself."""

    kind: Kind
    name: str
    definition: Definition
    sha256: str
    findings: tuple[Finding, ...] = ()
    refused: bool = False
    """Whether it is no definition that anybody could trust."""

    @property
    def suspicious(self) -> bool:
        """Whether it must not be trusted without a person's word."""
        return self.refused or any(finding.severity == "error" for finding in self.findings)


def judged(
    surface: Surface, *, foreign: Collection[str] = (), trusted: Collection[str] = ()
) -> list[Offer]:
    """Each part of a surface with its hash and what is suspicious in it.

    Args:
        surface: What a server offers.
        foreign: Names of other servers' tools.
        trusted: Hashes of what a person has accepted already, which is not looked at again.
    """
    parts = list(surface.items())
    twins = {key for key, count in Counter((k, n) for k, n, _ in parts).items() if count > 1}
    offers: dict[tuple[Kind, str], Offer] = {}
    for kind, name, definition in parts:
        twin = (kind, name) in twins
        fault = "is offered twice" if twin else _fault(kind, name, definition)
        if fault is not None:
            finding = Finding(rule="no-definition", severity="error", where=name, message=fault)
            offer = Offer(kind, name, definition, "", (finding,), refused=True)
        else:
            digest = fingerprint(definition)
            found = () if digest in trusted else tuple(inspect(definition, foreign=foreign))
            offer = Offer(kind, name, definition, digest, found)
        offers[kind, name] = offer
    return list(offers.values())


def _fault(kind: Kind, name: str, definition: Definition) -> str | None:
    """Why a definition cannot be one at all; None if it can."""
    if kind == "tool" and _TOOL_NAME.fullmatch(name) is None:
        return "has a name that the protocol does not allow"
    if not name or len(name) > _LONGEST_NAME:
        return "has no name, or an endless one"
    if kind == "tool" and not isinstance(definition.get("inputSchema"), dict):
        return "has no schema of its arguments"
    try:
        size = len(canonical(definition).encode("utf-8", "surrogatepass"))
    except ValueError as error:
        return f"cannot be written as JSON: {error}"
    return f"has a definition of {size:,} bytes" if size > _MOST_BYTES else None
