"""Files that nobody but their owner may read, such as keys and tokens: whole or absent.

Called by whoever keeps such a file. Two processes, or two threads of one, may be the first to need
it; none of them ever reads half a file, and all of them read the same.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

DRAFT = ".draft"
"""How files end that are not whole yet, or that a process has left which was killed."""


def make_once(path: Path, text: str) -> None:
    """Let the file at `path` hold `text`, unless it is there, or somebody else was faster."""
    fresh = draft(path, text)
    try:
        os.link(fresh, path)
        sync_folder(path)
    except (FileExistsError, FileNotFoundError):
        # Another was first, who may have tidied up already.
        if not path.exists():
            raise
    finally:
        fresh.unlink(missing_ok=True)


def draft(path: Path, text: str) -> Path:
    """A file of its own with `text`, on the disk, to become the one at `path`."""
    # Processes in two containers that share a folder may have the same number.
    fresh = path.with_name(f"{path.name}.{os.urandom(8).hex()}{DRAFT}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def sync_folder(path: Path) -> None:
    """Make the name in the folder outlive a power cut, where the system can."""
    with suppress(OSError):
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
