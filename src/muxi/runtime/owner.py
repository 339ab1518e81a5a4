"""One process owns a project. Taken by `build` before the database is opened, asked by the CLI.

The lock is the kernel's, on an open file: it ends with the process that holds it, however that
dies, so there is no stale lock to judge by a process id.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from muxi.core.errors import ProjectInUse
from muxi.runtime.state import StateFolder

_PATIENCE = 0.3
"""Seconds for which a lock that is merely being looked at may be in the way."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that owns a project, and where it answers."""

    pid: int
    socket: str | None = None
    url: str | None = None


class Ownership:
    """The project is ours until `release`, or until this process ends."""

    def __init__(self, file: IO[str], state: StateFolder) -> None:
        self._file = file
        self._state = state
        self.announce()

    @classmethod
    def take(cls, state: StateFolder) -> Ownership:
        """Become the owner of the project.

        Raises:
            ProjectInUse: Another process is; `details` has its `pid`, `socket` and `url`.
        """
        file = state.lock.open("a+", encoding="utf-8")
        state.lock.chmod(0o600)
        deadline = time.monotonic() + _PATIENCE
        while not _try_lock(file):
            if time.monotonic() > deadline:
                file.close()
                owner = _read(state.lock) or Owner(pid=0)
                raise ProjectInUse(
                    f"Process {owner.pid} owns this project.",
                    pid=owner.pid,
                    socket=owner.socket,
                    url=owner.url,
                )
            time.sleep(0.02)
        # A predecessor that was killed has left its socket behind.
        with suppress(FileNotFoundError):
            state.socket.unlink()
        return cls(file, state)

    def announce(self, *, url: str | None = None, socket: bool = False) -> None:
        """Tell others where this owner answers."""
        path = str(self._state.socket) if socket else None
        text = json.dumps(asdict(Owner(os.getpid(), path, url)))
        self._file.seek(0)
        self._file.truncate()
        self._file.write(text)
        self._file.flush()

    def release(self) -> None:
        """Give the project up."""
        if self._file.closed:
            return
        with suppress(FileNotFoundError):
            self._state.socket.unlink()
        self._file.seek(0)
        self._file.truncate()
        self._file.close()


def owner_of(state: StateFolder) -> Owner | None:
    """The living owner of a project, or None if there is none."""
    try:
        file = state.lock.open("r+", encoding="utf-8")
    except FileNotFoundError:
        return None
    with file:
        if _try_lock(file):
            return None
    return _read(state.lock)


def _read(path: Path) -> Owner | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Owner(int(values["pid"]), values.get("socket"), values.get("url"))
    except (OSError, ValueError, KeyError, TypeError):
        # The owner has taken the lock and not yet written its name.
        return None


if sys.platform == "win32":
    import msvcrt

    # Locked bytes cannot be read there, so the lock lies far behind the text.
    _LOCKED_BYTE = 1 << 30

    def _try_lock(file: IO[str]) -> bool:
        file.seek(_LOCKED_BYTE)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _try_lock(file: IO[str]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
