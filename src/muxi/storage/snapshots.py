"""Copies of the SQLite file, taken before each migration: listed, expiring, restorable.

Called by `upgrade` and by the commands that list and restore. Blobs are not copied: they are
named by their content and never change.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from muxi.core.errors import NotFound, StorageCorrupt
from muxi.storage.sqlite_errors import translate

_NAME = re.compile(r"schema-(\d+)-(\d{8}T\d{6}\d{6}Z)\.db")
_TIME = "%Y%m%dT%H%M%S%fZ"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the whole database at one moment."""

    path: Path
    schema: int
    taken_at: datetime
    size: int
    """Bytes."""


class Snapshots:
    """The snapshots of one SQLite file, in one folder."""

    def __init__(self, folder: Path, *, keep: int = 5) -> None:
        self.folder = folder
        self.keep = keep

    def take(self, connection: sqlite3.Connection, schema: int) -> Snapshot:
        """Copy what `connection` sees, then let the oldest beyond `keep` go.

        Raises:
            StorageError: There is no room, or the folder cannot be written.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken = datetime.now(UTC)
        path = self.folder / f"schema-{schema:04}-{taken.strftime(_TIME)}.db"
        partial = path.with_suffix(".partial")
        try:
            connection.execute("VACUUM INTO ?", (str(partial),))
        except sqlite3.Error as error:
            partial.unlink(missing_ok=True)
            raise translate(error) or error from error
        partial.chmod(0o600)
        partial.replace(path)
        for old in self.list()[self.keep :]:
            old.path.unlink(missing_ok=True)
        return Snapshot(path, schema, taken, path.stat().st_size)

    def list(self) -> list[Snapshot]:
        """All snapshots, the newest first."""
        found: list[Snapshot] = []
        for path in self.folder.glob("*.db"):
            if match := _NAME.fullmatch(path.name):
                taken = datetime.strptime(match[2], _TIME).replace(tzinfo=UTC)
                found.append(Snapshot(path, int(match[1]), taken, path.stat().st_size))
        return sorted(found, key=lambda snapshot: snapshot.taken_at, reverse=True)

    def restore(self, snapshot: Snapshot, database: Path) -> Path | None:
        """Put `snapshot` in the place of `database`, which no process may have open.

        Returns:
            Where the replaced file lies now; None if there was none.

        Raises:
            NotFound: The snapshot is gone.
            StorageCorrupt: The snapshot is damaged; nothing was changed.
        """
        if not snapshot.path.exists():
            raise NotFound(f"There is no snapshot {snapshot.path.name}.")
        fresh = database.with_name(f"{database.name}.restoring")
        fresh.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(snapshot.path)) as source:
                if source.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                    raise StorageCorrupt(f"The snapshot {snapshot.path.name} is damaged.")
                with closing(sqlite3.connect(fresh)) as target:
                    source.backup(target)
        except sqlite3.Error as error:
            fresh.unlink(missing_ok=True)
            raise translate(error) or error from error
        fresh.chmod(0o600)
        replaced = _set_aside(database)
        fresh.replace(database)
        return replaced


def _set_aside(database: Path) -> Path | None:
    """Move the file, and what SQLite keeps beside it, out of the way."""
    if not database.exists():
        return None
    stamp = datetime.now(UTC).strftime(_TIME)
    aside = database.with_name(f"{database.name}.replaced-{stamp}")
    for suffix in ("-wal", "-shm", ""):
        part = database.with_name(database.name + suffix)
        if part.exists():
            part.replace(aside.with_name(aside.name + suffix))
    return aside
