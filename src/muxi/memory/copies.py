"""Copies of a SQLite database that lie beside it: snapshots, and files that were set aside.

Called by `forgetting`, which lets those go that hold what is forgotten, and by the verifier. A copy
is opened for reading only and is never changed: it is whole or it is gone.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from muxi.core.owners import kind_of
from muxi.storage.erasing import message_id

_OWNED: Final = (
    ("threads", "owner"),
    ("runs", "owner"),
    ("participants", "principal"),
    ("messages", "author"),
    ("usage", "owner"),
    ("secrets", "owner"),
    ("agents", "owner"),
    ("agent_versions", "author"),
    ("passages", "speaker"),
    ("files", "owner"),
    ("idempotency_keys", "owner"),
)
"""Columns that hold the id of a user."""

_BY_OWNER: Final = (
    *("passages", "postings", "vectors", "embedded"),
    *("facts", "documents", "forgettings"),
)
"""Tables whose owner reads `user:ID`."""

_BY_ID: Final = (
    ("threads", "id"),
    ("messages", "id"),
    ("messages", "thread_id"),
    ("runs", "thread_id"),
    ("events", "thread_id"),
    ("summaries", "thread_id"),
    ("participants", "thread_id"),
    ("blob_uses", "holder"),
    ("passages", "id"),
    ("passages", "group_id"),
    ("facts", "id"),
    ("facts", "source_message_id"),
    ("facts", "source_memory_id"),
)
"""Columns that hold ids of what can be forgotten."""

_BLOCK: Final = 8 << 20
"""Bytes of a file that are looked through at once."""

Look = tuple[str, str, str, list[str]]
"""Table, column, what it is looked through by, and the values that are not to be there."""


@dataclass(frozen=True, slots=True)
class Needles:
    """What is to be nowhere any more."""

    owner: str | None = None
    ids: tuple[str, ...] = ()
    span: tuple[int, int] | None = None

    @classmethod
    def of(cls, owner: str, what: dict[str, Any]) -> Needles:
        """What a forgetting is about."""
        if what["kind"] == "everything":
            return cls(owner=owner)
        if what["kind"] == "span":
            return cls(owner=owner, span=(what["since"], what["until"]))
        return cls(ids=(*what["ids"], *what.get("messages", ())))

    def looks(self) -> Iterator[Look]:
        """Where to look for them in a database."""
        if self.owner is not None:
            yield from ((table, "owner", "owner", [self.owner]) for table in _BY_OWNER)
            if kind_of(self.owner) == "user":
                user = self.owner.removeprefix("user:")
                for table, column in _OWNED:
                    yield table, column, "owner", [user, self.owner]
        if self.ids:
            # A memory and its message are one thing under two names.
            ids = [*self.ids, *(message_id(each) for each in self.ids if each.startswith("mem_"))]
            yield from ((table, column, "ids", ids) for table, column in _BY_ID)


class Copies:
    """The copies of one database file.

    Args:
        database: The file itself, which is no copy.
        snapshots: The folder of its snapshots.
    """

    def __init__(self, database: Path, snapshots: Path) -> None:
        self.database = database
        self.snapshots = snapshots

    def paths(self) -> list[Path]:
        """All that there are, whole or not."""
        aside = self.database.parent.glob(f"{self.database.name}.*")
        kept = self.snapshots.glob("*") if self.snapshots.is_dir() else ()
        return sorted(path for path in (*aside, *kept) if path.is_file())

    def expire(self, tenant: str, needles: Needles) -> list[str]:
        """Remove the copies that hold any of it, or that cannot be read; return their names."""
        gone: list[str] = []
        for path in self.paths():
            if holds(path, tenant, needles):
                path.unlink(missing_ok=True)
                gone.append(path.name)
        return gone


def holds(path: Path, tenant: str, needles: Needles) -> bool:
    """Whether a copy holds any of it. What cannot be looked through is taken to hold it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            return any(_found(copy, tenant, look) for look in needles.looks())
    except sqlite3.Error:
        return True


def _found(copy: sqlite3.Connection, tenant: str, look: Look) -> bool:
    table, column, _, values = look
    # Names of tables and columns are those of this file, and no others.
    known = {row[1] for row in copy.execute(f"PRAGMA table_info({table})")}
    if column not in known:
        return False
    for at in range(0, len(values), 500):
        some = values[at : at + 500]
        marks = ",".join("?" * len(some))
        found = copy.execute(
            f"SELECT 1 FROM {table} WHERE tenant = ? AND {column} IN ({marks}) LIMIT 1",  # noqa: S608 -- names are constants of this file
            (tenant, *some),
        ).fetchone()
        if found is not None:
            return True
    return False


def texts_in(path: Path, texts: Sequence[bytes]) -> list[int]:
    """How often each of some texts stands in a file, whatever kind of file it is."""
    found = [0] * len(texts)
    if not texts:
        return found
    overlap = max(map(len, texts)) - 1
    rest = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            data = rest + block
            for at, text in enumerate(texts):
                found[at] += data.count(text)
            rest = data[-overlap:] if overlap else b""
            # What lies whole in the rest was counted, and will be again.
            for at, text in enumerate(texts):
                found[at] -= rest.count(text)
    for at, text in enumerate(texts):
        found[at] += rest.count(text)
    return found
