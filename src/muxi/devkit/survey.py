"""Everything that a server says of itself in one session. Used by inspect, docs, lock and rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from muxi.core.errors import ServerUnavailable
from muxi.devkit.exchange import Anomaly, Json
from muxi.devkit.session import METHODS, Listed, Listing, Session
from muxi.mcp.surface import Definition, Surface


@dataclass(slots=True)
class Survey:
    """What one session found."""

    revision: str
    opening: Json
    """The result of `initialize` or `server/discover`."""
    info: Json
    capabilities: Json
    instructions: str
    started_in: float
    """Seconds."""
    listings: dict[Listed, Listing] = field(default_factory=dict[Listed, Listing])
    """Of each kind that the server says it has."""
    anomalies: list[Anomaly] = field(default_factory=list[Anomaly])

    def items(self, kind: Listed) -> list[Json]:
        """Everything of a kind; nothing where the server has none."""
        listing = self.listings.get(kind)
        return [] if listing is None else listing.items

    @property
    def extensions(self) -> Json:
        """The extensions that the server speaks, with their settings."""
        found = self.capabilities.get("extensions")
        return cast("Json", found) if isinstance(found, dict) else {}

    @property
    def surface(self) -> Surface:
        """What of it is locked."""
        return Surface(
            name=str(self.info.get("name") or ""),
            version=str(self.info.get("version") or ""),
            instructions=self.instructions,
            tools=self._definitions("tools"),
            prompts=self._definitions("prompts"),
            resource_templates=self._definitions("templates"),
        )

    def _definitions(self, kind: Listed) -> tuple[Definition, ...]:
        return tuple(self.items(kind))


async def survey(session: Session) -> Survey:
    """List all that a server says it has."""
    found = Survey(
        revision=session.revision,
        opening=session.opening,
        info=session.info,
        capabilities=session.capabilities,
        instructions=session.instructions,
        started_in=session.started_in,
        anomalies=session.exchange.anomalies,
    )
    for kind in METHODS:
        if has(session, kind):
            found.listings[kind] = await session.list_all(kind)
    return found


def has(session: Session, kind: Listed) -> bool:
    """Whether a server says that it has something of a kind."""
    return ("resources" if kind == "templates" else kind) in session.capabilities


def check_listed(found: Survey) -> None:
    """Return if every list could be read.

    Raises:
        ServerUnavailable: One could not, or the server has nothing to list.
    """
    if not found.listings:
        raise ServerUnavailable(
            "The server says that it has neither tools nor prompts nor resources.",
            hint="It should name them among its capabilities.",
        )
    for kind, listing in found.listings.items():
        if listing.fault or (listing.error is not None and not _absent(kind, listing)):
            why = listing.fault or str((listing.error or {}).get("message"))
            raise ServerUnavailable(
                f"The server cannot list its {kind}: {why}.",
                hint="`muxi mcp inspect --wire` shows what it sends.",
            )


def _absent(kind: Listed, listing: Listing) -> bool:
    """Whether a list that nothing promised is simply not there."""
    return kind == "templates" and (listing.error or {}).get("code") == -32601
