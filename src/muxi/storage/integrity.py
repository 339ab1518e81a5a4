"""Looks for damage in a SQLite file, without changing it. Called by `muxi doctor`."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from muxi.core.errors import StorageCorrupt
from muxi.storage.sqlite_errors import translate

_LARGEST = 1 << 30
"""Bytes of a file that is looked through; older SQLite does not heed the time limit."""
_FINDINGS = 10
_INSTRUCTIONS = 1000
"""Steps of SQLite between two looks at the clock."""


def damage(path: Path, *, seconds: float) -> list[str] | None:
    """What is wrong with the file, in SQLite's words; nothing if it is whole.

    Args:
        path: The file, which other processes may be using.
        seconds: How long to look.

    Returns:
        None if the file is too large to be looked through in that time.

    Raises:
        StorageError: It cannot be read.
    """
    if path.stat().st_size > _LARGEST:
        return None
    deadline = time.monotonic() + seconds
    late = False

    def stop() -> bool:
        nonlocal late
        late = time.monotonic() > deadline
        return late

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as file:
            file.set_progress_handler(stop, _INSTRUCTIONS)
            rows = file.execute(f"PRAGMA quick_check({_FINDINGS})").fetchall()
    except sqlite3.Error as error:
        if late:
            return None
        typed = translate(error) or error
        if isinstance(typed, StorageCorrupt):
            return [str(error)]
        raise typed from error
    found = [str(row[0]) for row in rows]
    return [] if found == ["ok"] else found
