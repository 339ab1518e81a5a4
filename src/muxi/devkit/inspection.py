"""A server as `muxi mcp inspect` shows it: both eras side by side, hashes, times, the wire."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muxi.core.errors import MuxiError, ServerUnavailable
from muxi.devkit.cases import DEFAULT_REVISIONS, Revision
from muxi.devkit.connect import connected, usual_transport
from muxi.devkit.exchange import Json
from muxi.devkit.frames import redactor
from muxi.devkit.session import METHODS
from muxi.devkit.survey import Survey, survey
from muxi.devkit.target import Target, Transport
from muxi.mcp.surface import fingerprint

FORMAT: Final = 1
"""Raised when a key of the JSON is removed or means something else."""


@dataclass(slots=True)
class Era:
    """One revision: what was found, or why nothing was."""

    asked: Revision
    found: Survey | None = None
    error: MuxiError | None = None
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    """How long starting and each list took."""
    wire: list[str] = field(default_factory=list[str])
    """What went over it, secrets masked."""


@dataclass(slots=True)
class Inspection:
    """A server in several revisions."""

    target: str
    transport: Transport
    eras: list[Era]

    def hashes(self) -> dict[str, dict[str, str]]:
        """The hash of each part, by era and name; a part of which two eras differ is a fault."""
        found: dict[str, dict[str, str]] = {}
        for era in self.eras:
            for kind, name, definition in era.found.surface.items() if era.found else ():
                found.setdefault(f"{kind} {name}", {})[era.asked] = fingerprint(definition)
        return found

    def differing(self) -> list[str]:
        """Parts that the eras which answered do not have alike."""
        count = sum(era.found is not None for era in self.eras)
        return [
            name
            for name, hashes in self.hashes().items()
            if len(hashes) < count or len(set(hashes.values())) > 1
        ]

    def as_json(self, *, timing: bool = False, wire: bool = False) -> Json:
        """The same server gives the same JSON; times and the wire, which differ, only if asked."""
        document: Json = {"format": FORMAT, "target": self.target, "transport": self.transport}
        document["eras"] = {era.asked: _era(era, timing=timing, wire=wire) for era in self.eras}
        document["hashes"] = dict(sorted(self.hashes().items()))
        document["differing"] = sorted(self.differing())
        return document


async def inspection(
    target: Target,
    transport: Transport | None = None,
    revisions: Sequence[Revision] = DEFAULT_REVISIONS,
    *,
    patience: float,
) -> Inspection:
    """What a server says of itself in each revision.

    Raises:
        ServerUnavailable: It answers in none of them.
        ServerTooSlow: It does not answer in time.
    """
    chosen = transport or usual_transport(target)
    eras = [await _visit(target, chosen, revision, patience) for revision in revisions]
    errors = [era.error for era in eras if era.error is not None]
    if len(errors) == len(eras):
        raise errors[0]
    return Inspection(target.text, chosen, eras)


async def _visit(target: Target, transport: Transport, revision: Revision, patience: float) -> Era:
    era = Era(revision)
    secrets = redactor(target.env, target.headers)
    try:
        async with connected(
            target, transport, revision, patience=patience, start=patience
        ) as session:
            era.found = await survey(session)
            era.seconds = {"start": session.started_in}
            era.seconds |= {kind: each.seconds for kind, each in era.found.listings.items()}
            era.wire = list(session.exchange.log.lines(secrets))
    except ServerUnavailable as error:
        era.error = error
    return era


def _era(era: Era, *, timing: bool, wire: bool) -> Json:
    if era.found is None:
        return {"error": era.error.message if era.error else ""}
    found = era.found
    document: dict[str, Any] = {
        "revision": found.revision,
        "server": found.info,
        "capabilities": found.capabilities,
        "extensions": found.extensions,
        "instructions": found.instructions,
        **{kind: found.items(kind) for kind in METHODS},
        "anomalies": [f"{each.kind}: {each.text}" for each in found.anomalies],
    }
    if timing:
        document["milliseconds"] = {k: round(v * 1000, 1) for k, v in era.seconds.items()}
    if wire:
        document["wire"] = era.wire
    return document
