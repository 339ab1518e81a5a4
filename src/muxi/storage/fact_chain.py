"""How the versions of one fact follow each other. Pure; called by `storage.facts`.

What was said of one subject and predicate is a log of statements, each with the instant from which
it holds. Sorted by that instant they are a chain: a version holds up to where the next begins, or
up to the end that was given with it, whichever is earlier. Statements that say the same in a row
are one version with confirmations. So the chain depends on what was said, and not on the order in
which it became known. It must never look at a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

NOTHING = ""
"""In place of a value's JSON: from here on nothing holds."""
KEPT_CONFIRMATIONS = 32
"""The newest of a version's confirmations, by which it can be taken apart again."""


@dataclass(slots=True, kw_only=True)
class Said:
    """One statement: since when, when it became known, and from whom. Instants in microseconds."""

    at: int
    recorded_at: int
    message_id: str | None = None
    memory_id: str | None = None
    confidence: float = 1.0
    source: str = "api"

    @property
    def place(self) -> tuple[int, int]:
        return self.at, self.recorded_at

    def repeats(self, other: Said) -> bool:
        """Whether both are one statement that came twice."""
        return (self.at, self.message_id, self.memory_id) == (
            other.at,
            other.message_id,
            other.memory_id,
        )


@dataclass(slots=True, kw_only=True)
class Version:
    """A row: a value, from its first statement on."""

    id: str
    value: str
    """Canonical JSON, or `NOTHING`."""
    first: Said
    until: int | None = None
    """The end that was given."""
    ends: int | None = None
    """The end that follows from the chain."""
    confirmed: list[Said] = field(default_factory=list[Said])
    """In order; the newest ones."""
    confirmations: int = 0
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """What else is stored with it, such as how often it was used."""

    def holds(self, at: int) -> bool:
        return (
            self.value != NOTHING and self.first.at <= at and (self.ends is None or self.ends > at)
        )

    def close(self, successor: Version | None) -> None:
        """Let it end where `successor` begins, or where it was said to."""
        ends = [self.until, None if successor is None else successor.first.at]
        self.ends = min((end for end in ends if end is not None), default=None)

    def confirm(self, more: Iterable[Said]) -> None:
        added = list(more)
        self.confirmations += len(added)
        merged = sorted([*self.confirmed, *added], key=lambda said: said.place)
        self.confirmed = merged[-KEPT_CONFIRMATIONS:]

    def knows(self, said: Said) -> bool:
        return said.repeats(self.first) or any(map(said.repeats, self.confirmed))


@dataclass(slots=True)
class Placed:
    """What a new statement did to the chain."""

    version: Version
    """The version that says it now."""
    new: bool
    """Whether something is known that was not: a version, or an earlier beginning of one."""
    inserted: list[Version] = field(default_factory=list[Version])
    changed: list[Version] = field(default_factory=list[Version])


def alike(one: Version, other: Version) -> bool:
    """Whether the two are one version when they stand side by side."""
    return one.value == other.value and one.until is None and other.until is None


def place(
    before: Version | None, after: Version | None, new: Version, *, fresh_id: Callable[[], str]
) -> Placed:
    """Put `new` between its neighbours, which are changed in place.

    Args:
        before: The version whose first statement is the last one not after that of `new`.
        after: The one that follows `before`.
        new: A version of a single statement.
        fresh_id: Gives an id to the later half of `before`, should it be split.
    """
    if before is not None and alike(before, new):
        if before.knows(new.first):
            return Placed(before, new=False)
        before.confirm([new.first])
        return Placed(before, new=False, changed=[before])
    rest = [] if before is None else _cut(before, new)
    if before is not None and rest:
        late = _version(before, rest, fresh_id())
        late.close(after)
        new.close(late)
        before.close(new)
        return Placed(new, new=True, inserted=[new, late], changed=[before])
    if after is not None and alike(after, new):
        return _extended(before, after, new)
    new.close(after)
    changed: list[Version] = []
    if before is not None and (before.ends is None or before.ends > new.first.at):
        before.close(new)
        changed.append(before)
    return Placed(new, new=True, inserted=[new], changed=changed)


def rebuilt(versions: Iterable[Version]) -> list[Version]:
    """The chain of `versions`, which stand in order: likes joined, ends set, no end of nothing."""
    chain: list[Version] = []
    for version in versions:
        last = chain[-1] if chain else None
        if last is not None and alike(last, version):
            last.confirm([version.first, *version.confirmed])
            last.confirmations += version.confirmations - len(version.confirmed)
        elif last is not None or version.value != NOTHING:
            chain.append(version)
    for at, version in enumerate(chain, 1):
        version.close(chain[at] if at < len(chain) else None)
    return chain


def forgotten(version: Version, sources: frozenset[str]) -> Version | None:
    """`version` without what these messages and memories said; None if they alone said it."""
    kept = [said for said in (version.first, *version.confirmed) if not _is_from(said, sources)]
    if not kept:
        return None
    gone = 1 + len(version.confirmed) - len(kept)
    version.first, *version.confirmed = kept
    version.confirmations = max(len(version.confirmed), version.confirmations - gone)
    return version


def _is_from(said: Said, sources: frozenset[str]) -> bool:
    return said.message_id in sources or said.memory_id in sources


def _cut(version: Version, new: Version) -> list[Said]:
    """Take from `version` the confirmations that come after `new`."""
    rest = [said for said in version.confirmed if said.place > new.first.place]
    if rest:
        version.confirmed = version.confirmed[: -len(rest)]
        version.confirmations -= len(rest)
    return rest


def _version(like: Version, statements: list[Said], id: str) -> Version:
    first, *confirmed = statements
    return Version(
        id=id,
        value=like.value,
        first=first,
        confirmed=confirmed,
        confirmations=len(confirmed),
    )


def _extended(before: Version | None, after: Version, new: Version) -> Placed:
    """`after` begins as early as `new` says."""
    after.confirm([after.first])
    after.first = new.first
    changed = [after]
    if before is not None:
        before.close(after)
        changed.append(before)
    return Placed(after, new=True, changed=changed)
