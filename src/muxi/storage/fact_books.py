"""Where the neighbours of a new statement are found, and where what came of it is written.

Two forms of one thing, for `storage.facts`: `StoredBook` asks the database for each statement,
`LoadedBook` reads all that thousands of statements may touch at once, and writes at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any

from muxi.core.paths import LONGEST
from muxi.storage import fact_rows
from muxi.storage.fact_chain import NOTHING, Placed, Said, Version
from muxi.storage.fact_rows import Key
from muxi.storage.sql import facts as sql
from muxi.storage.statements import Statement
from muxi.storage.transaction import Tx

Range = tuple[Key, Key]
"""From the first key up to, and without, the second."""

FOREVER = 2**62
LAST = "\U0010ffff" * (LONGEST // 4 + 1)
"""Sorts behind all subjects and paths: it is longer than the last of them."""

_LITTLE = "\x01"
"""No path holds it: with it, a path sorts right behind itself, before what lies below it."""
_NEXT = "\x20"
"""The character that follows the separator."""


def exactly(key: Key) -> Range:
    """The one key."""
    return key, behind(key)


def below(key: Key) -> Range:
    """The keys that lie below `key`."""
    subject, path = key
    return (subject, path + fact_rows.SEPARATOR), (subject, path + _NEXT)


def within(subject: str, path: str) -> Range:
    """`path` and all that lies below it; the empty path is all of the subject."""
    return (subject, path), (subject, path + _NEXT if path else LAST)


def above(key: Key) -> list[Key]:
    """The keys that `key` lies below."""
    subject, path = key
    parts = path.split(fact_rows.SEPARATOR)
    return [(subject, fact_rows.SEPARATOR.join(parts[:count])) for count in range(1, len(parts))]


def behind(key: Key) -> Key:
    """The first key that can follow `key`."""
    return key[0], key[1] + _LITTLE


def bounds(limits: Range) -> dict[str, str]:
    """The parameters of a range."""
    (first_subject, first_predicate), (last_subject, last_predicate) = limits
    return {
        "first_subject": first_subject,
        "first_predicate": first_predicate,
        "last_subject": last_subject,
        "last_predicate": last_predicate,
    }


class Book(ABC):
    """The chains of one owner's facts."""

    def __init__(self, tx: Tx, owner: str) -> None:
        self.tx = tx
        self.owner = owner

    @abstractmethod
    def before(self, key: Key, said: Said) -> Version | None:
        """The last version that does not begin after `said`."""

    @abstractmethod
    def after(self, key: Key, said: Said) -> Version | None:
        """The first version that begins after `said`."""

    @abstractmethod
    def rivals(self, key: Key, at: int) -> Iterable[tuple[Key, int]]:
        """Keys above and below with a value that holds at `at` or begins later, and its start:
        one JSON value cannot hold both `a` and `a.b`."""

    @abstractmethod
    def write(self, key: Key, placed: Placed) -> None:
        """Keep what a statement has changed."""

    def _row(self, key: Key, version: Version) -> dict[str, Any]:
        subject, predicate = key
        return {
            **fact_rows.values(version),
            "owner": self.owner,
            "subject": subject,
            "predicate": predicate,
            "value": version.value,
        }


class StoredBook(Book):
    """Asks and writes statement by statement."""

    def before(self, key: Key, said: Said) -> Version | None:
        return self._neighbour(sql.BEFORE, key, said)

    def after(self, key: Key, said: Said) -> Version | None:
        return self._neighbour(sql.AFTER, key, said)

    def _neighbour(self, statement: Statement, key: Key, said: Said) -> Version | None:
        row = self.tx.row(
            statement,
            owner=self.owner,
            subject=key[0],
            predicate=key[1],
            at=said.at,
            recorded_at=said.recorded_at,
        )
        return None if row is None else fact_rows.version(row)

    def rivals(self, key: Key, at: int) -> Iterable[tuple[Key, int]]:
        for limits in (below(key), *map(exactly, above(key))):
            rows = self.tx.rows(sql.RIVALS, owner=self.owner, at=at, **bounds(limits))
            yield from (((row[0], row[1]), row[2]) for row in rows)

    def write(self, key: Key, placed: Placed) -> None:
        for version in placed.changed:
            self.tx.run(sql.UPDATE, owner=self.owner, **fact_rows.values(version))
        for version in placed.inserted:
            self.tx.run(sql.INSERT, **self._row(key, version))


class LoadedBook(Book):
    """All chains that the statements on `keys` may touch, in memory until `flush`."""

    def __init__(
        self, tx: Tx, owner: str, keys: Sequence[Key], chains: dict[Key, list[Version]]
    ) -> None:
        super().__init__(tx, owner)
        self._chains = chains
        self._keys = sorted({*keys, *chains})
        self._inserted: dict[str, tuple[Key, Version]] = {}
        self._changed: dict[str, Version] = {}

    @classmethod
    def load(cls, tx: Tx, owner: str, keys: Sequence[Key], *, most: int) -> LoadedBook | None:
        """The book for statements on `keys`, which are sorted.

        None if more than `most` rows lie between them, or if one of them is a part of another.
        """
        first, last = keys[0], keys[-1]
        if not {first, *keys}.isdisjoint(above(last)):
            return None
        # Wholes of a later key that sort before the first one are wholes of the first one, too.
        rows = [
            row
            for limits in (*map(exactly, above(first)), (first, within(*last)[1]))
            for row in tx.rows(sql.CHAINS, owner=owner, limit=most + 1, **bounds(limits))
        ]
        if len(rows) > most:
            return None
        chains: dict[Key, list[Version]] = {}
        for row in rows:
            chains.setdefault(fact_rows.key(row), []).append(fact_rows.version(row))
        return cls(tx, owner, keys, chains)

    def before(self, key: Key, said: Said) -> Version | None:
        chain, at = self._place(key, said)
        return chain[at - 1] if at else None

    def after(self, key: Key, said: Said) -> Version | None:
        chain, at = self._place(key, said)
        return chain[at] if at < len(chain) else None

    def _place(self, key: Key, said: Said) -> tuple[list[Version], int]:
        chain = self._chains.get(key, [])
        return chain, bisect_right(chain, said.place, key=lambda version: version.first.place)

    def rivals(self, key: Key, at: int) -> Iterable[tuple[Key, int]]:
        first, last = below(key)
        found = self._keys[bisect_left(self._keys, first) : bisect_left(self._keys, last)]
        for other in (*found, *above(key)):
            for version in self._chains.get(other, ()):
                if version.value != NOTHING and (version.ends is None or version.ends > at):
                    yield other, version.first.at

    def write(self, key: Key, placed: Placed) -> None:
        chain = self._chains.setdefault(key, [])
        chain.extend(placed.inserted)
        # A version whose beginning has changed may stand elsewhere now.
        chain.sort(key=lambda version: version.first.place)
        for version in placed.inserted:
            self._inserted[version.id] = key, version
        for version in placed.changed:
            if version.id not in self._inserted:
                self._changed[version.id] = version

    def flush(self) -> None:
        """Write everything."""
        changed = [
            {**fact_rows.values(version), "owner": self.owner} for version in self._changed.values()
        ]
        if changed:
            self.tx.run_many(sql.UPDATE, changed)
        if self._inserted:
            rows = (self._row(key, version) for key, version in self._inserted.values())
            self.tx.run_many(sql.INSERT, rows)
