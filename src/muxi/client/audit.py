"""The audit log, as a client sees it. Reached as `client.audit`."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from muxi.client.calls import SLOW, Call, Lines, read
from muxi.core.audit import AuditEntry, AuditHead, AuditReport, Outcome
from muxi.core.pages import Page


class Audit:
    """Who did what, by what right."""

    def __init__(self, call: Call, lines: Lines) -> None:
        self._call = call
        self._lines = lines

    async def page(
        self,
        *,
        actor: str | None = None,
        action: str | None = None,
        outcome: Outcome | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[AuditEntry]:
        """Entries, the newest first."""
        params = {
            "actor": actor,
            "action": action,
            "outcome": outcome,
            "cursor": cursor,
            "limit": limit,
        }
        return read(Page[AuditEntry], await self._call("GET", "/api/audit", params=params))

    async def head(self) -> AuditHead:
        """Where the log ends: kept elsewhere, it shows later whether the log was cut."""
        return read(AuditHead, await self._call("GET", "/api/audit/head"))

    async def report(self) -> AuditReport:
        """What the server's own verifier finds in the log."""
        return read(AuditReport, await self._call("GET", "/api/audit/report", seconds=SLOW))

    async def export(self) -> AsyncGenerator[str]:
        """The whole log, as lines of JSON without their ends."""
        async for line in self._lines("/api/audit/export"):
            yield line.decode()
