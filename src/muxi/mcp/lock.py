"""`muxi.lock`: which tools of which MCP servers a project trusts, word for word.

Called by the servers of a project before anything that they offer reaches an agent, by `runtime`
for approvals, and by `devkit`. Nothing gets past it unlocked: what is new or changed stays out
until a person approves it, and a lock that cannot be read lets nothing through.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from muxi.core.errors import Conflict, LockInvalid, NotFound
from muxi.core.lock_changes import LockChange, ServerLock
from muxi.mcp.difference import difference
from muxi.mcp.lock_file import Entry, LockedServer, State, parse, render, replace, state_of
from muxi.mcp.offers import Offer, judged
from muxi.mcp.surface import Definition, Kind, Surface, name_of

LOCK_FILE = "muxi.lock"
"""Its name, beside muxi.yaml; it is meant to be committed."""

Policy = Literal["first_use", "explicit"]
"""Whether a server that the lock does not know is locked when it is first met, or by a person."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What of a server's offer may reach agents, and what may not."""

    surface: Surface
    """The trusted part."""
    changes: tuple[LockChange, ...]
    """All that differs from the lock; only those that add or change something are held back."""

    @property
    def quarantined(self) -> tuple[LockChange, ...]:
        """What the server offers and agents are not shown."""
        return tuple(change for change in self.changes if change.change != "removed")


@dataclass
class Lock:
    """The lock of one project. It reads its file again whenever that has changed."""

    path: Path
    policy: Policy = "first_use"
    _servers: dict[str, LockedServer] = field(default_factory=dict[str, LockedServer])
    _offers: dict[str, tuple[Surface, list[Offer]]] = field(
        default_factory=dict[str, "tuple[Surface, list[Offer]]"]
    )
    _read: State | None = None
    """Which state of the file `_servers` came from; None if there was none."""

    @classmethod
    def load(cls, path: Path, policy: Policy = "first_use") -> Lock:
        """The lock in this file; an empty one if there is none.

        Raises:
            LockInvalid: It cannot be read, or was changed by hand.
        """
        lock = cls(path, policy)
        lock._refresh()
        return lock

    def surface(self, server: str) -> Surface | None:
        """What is trusted of a server, without asking it; None if the lock does not know it.

        Raises:
            LockInvalid: It cannot be read, or was changed by hand.
        """
        self._refresh()
        known = self._servers.get(server)
        return None if known is None else _trusted(known)

    def admit(self, server: str, surface: Surface, *, foreign: Collection[str] = ()) -> Admission:
        """Compare what a server offers now with the lock, and let through what is as locked.

        Args:
            server: Its name in the project.
            surface: What it offers now.
            foreign: Names of other servers' tools, which it has no business to speak of.

        Raises:
            LockInvalid: The lock cannot be read, or not be written for a server that is new.
        """
        self._refresh()
        known = self._servers.get(server, LockedServer())
        trusted = {entry.sha256 for entries in known.entries.values() for entry in entries.values()}
        offers = judged(surface, foreign=foreign, trusted=trusted)
        self._offers[server] = surface, offers
        if server not in self._servers and self.policy == "first_use":
            self.trust(server)
        known = self._servers.get(server, LockedServer())
        kept: set[tuple[Kind, str]] = {
            (offer.kind, offer.name)
            for offer in offers
            if not offer.refused and _entry(known, offer) == offer.sha256
        }
        return Admission(_narrowed(surface, kept), tuple(self._changes(server)))

    def state(self, server: str) -> ServerLock:
        """How a server stands, by what it offered last.

        Raises:
            LockInvalid: The lock cannot be read.
        """
        self._refresh()
        known = self._servers.get(server)
        return ServerLock(
            server=server,
            locked=known is not None,
            seen=server in self._offers,
            parts=sum(len(part) for part in known.entries.values()) if known else 0,
            changes=tuple(self._changes(server)) if server in self._offers else (),
        )

    def servers(self) -> list[str]:
        """Names of the servers that the lock knows.

        Raises:
            LockInvalid: The lock cannot be read.
        """
        self._refresh()
        return list(self._servers)

    def trust(self, server: str) -> None:
        """Lock what a server that is new offers, except for what is suspicious.

        Raises:
            Conflict: The lock knows the server: its changes are approved, not trusted.
            NotFound: It has not said yet what it offers.
            LockInvalid: The lock cannot be written.
        """
        surface, offers = self._offered(server)
        if server in self._servers:
            raise Conflict(f"The server {server} is locked.", hint="Approve its changes instead.")
        locked = LockedServer(name=surface.name, version=surface.version)
        for offer in offers:
            if not offer.suspicious:
                _put(locked, offer)
        self._save({**self._servers, server: locked})

    def approve(
        self, server: str, name: str | None = None, *, seen: Collection[str] | None = None
    ) -> list[LockChange]:
        """Take changes of a server into the lock, and return them.

        Args:
            server: Its name in the project.
            name: A tool, prompt or template; all changes without it.
            seen: Hashes of what the person has seen. A change to something else is refused.

        Raises:
            NotFound: There is no such change, or the server has not said yet what it offers.
            Conflict: What is offered is not what was seen, or can never be approved.
            LockInvalid: The lock cannot be read or written.
        """
        self._refresh()
        surface, offers = self._offered(server)
        wanted = [c for c in self._changes(server) if name is None or c.name == name]
        if not wanted:
            raise NotFound(f"The server {server} has no change{f' of {name}' if name else ''}.")
        approvable = [change for change in wanted if change.change != "refused"]
        if not approvable:
            raise Conflict(f"{wanted[0].name}: {wanted[0].findings[0].message}.")
        for change in approvable:
            if seen is not None and change.sha256 is not None and change.sha256 not in seen:
                raise Conflict(
                    f"{change.name} of the server {server} has changed since it was shown.",
                    hint="Look at the difference again.",
                )
        locked = self._servers.get(server, LockedServer()).model_copy(deep=True)
        locked.name, locked.version = surface.name, surface.version
        for change in approvable:
            locked.entries.get(change.kind, {}).pop(change.name, None)
        approved = {(change.kind, change.name) for change in approvable}
        for offer in offers:
            if (offer.kind, offer.name) in approved and not offer.refused:
                _put(locked, offer)
        self._save({**self._servers, server: locked})
        return approvable

    def forget(self, server: str) -> None:
        """Take a server out of the lock, such as one that the project does not declare any more.

        Raises:
            LockInvalid: The lock cannot be read or written.
        """
        self._refresh()
        self._save({name: known for name, known in self._servers.items() if name != server})

    def _offered(self, server: str) -> tuple[Surface, list[Offer]]:
        offered = self._offers.get(server)
        if offered is None:
            raise NotFound(f"The server {server} has not said yet what it offers.")
        return offered

    def _changes(self, server: str) -> list[LockChange]:
        known = self._servers.get(server, LockedServer())
        _, offers = self._offers[server]
        changes = [change for offer in offers if (change := _change(server, known, offer))]
        offered = {(offer.kind, offer.name) for offer in offers}
        for kind, entries in known.entries.items():
            changes += [
                LockChange(
                    server=server,
                    kind=kind,
                    name=name,
                    change="removed",
                    diff=difference(entry.definition, None),
                )
                for name, entry in entries.items()
                if (kind, name) not in offered
            ]
        return changes

    def _refresh(self) -> None:
        """Read the file if it is not as it was read or written last."""
        try:
            state = state_of(self.path)
            if state == self._read:
                return
            servers = {} if state is None else parse(self.path.read_bytes())
        except OSError as error:
            raise LockInvalid(f"{self.path.name} cannot be read: {error.strerror}.") from error
        except LockInvalid as error:
            error.details["file"] = str(self.path)
            raise
        self._servers, self._read = servers, state

    def _save(self, servers: dict[str, LockedServer]) -> None:
        try:
            replace(self.path, render(servers))
            self._read = state_of(self.path)
        except OSError as error:
            raise LockInvalid(
                f"{self.path.name} cannot be written: {error.strerror}.",
                hint="Make its folder writable, or write it elsewhere with `muxi mcp lock` and "
                "bring it along.",
            ) from error
        self._servers = servers


def _entry(known: LockedServer, offer: Offer) -> str | None:
    entry = known.entries.get(offer.kind, {}).get(offer.name)
    return None if entry is None else entry.sha256


def _change(server: str, known: LockedServer, offer: Offer) -> LockChange | None:
    """How an offer differs from what is locked; None if it does not."""
    locked = known.entries.get(offer.kind, {}).get(offer.name)
    if not offer.refused and locked is not None and locked.sha256 == offer.sha256:
        return None
    return LockChange(
        server=server,
        kind=offer.kind,
        name=offer.name,
        change="refused" if offer.refused else "new" if locked is None else "changed",
        sha256=offer.sha256 or None,
        diff="" if offer.refused else difference(locked and locked.definition, offer.definition),
        findings=offer.findings,
    )


def _put(server: LockedServer, offer: Offer) -> None:
    entry = Entry(sha256=offer.sha256, definition=offer.definition)
    server.entries.setdefault(offer.kind, {})[offer.name] = entry


def _trusted(known: LockedServer) -> Surface:
    """A locked server as what it offers."""

    def all_of(kind: Kind) -> tuple[Definition, ...]:
        return tuple(entry.definition for entry in known.entries.get(kind, {}).values())

    texts = all_of("instructions")
    return Surface(
        name=known.name,
        version=known.version,
        instructions=str(texts[0].get("text", "")) if texts else "",
        tools=all_of("tool"),
        prompts=all_of("prompt"),
        resource_templates=all_of("resource_template"),
    )


def _narrowed(surface: Surface, kept: Collection[tuple[Kind, str]]) -> Surface:
    """`surface` with these parts only, which keep what is not locked of them, such as icons."""

    def only(kind: Kind, all_of: tuple[Definition, ...]) -> tuple[Definition, ...]:
        return tuple(one for one in all_of if (kind, name_of(kind, one)) in kept)

    return surface.model_copy(
        update={
            "instructions": surface.instructions
            if ("instructions", "instructions") in kept
            else "",
            "tools": only("tool", surface.tools),
            "prompts": only("prompt", surface.prompts),
            "resource_templates": only("resource_template", surface.resource_templates),
        }
    )
