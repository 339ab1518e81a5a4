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

from muxi.core.errors import ProjectInUse, StorageBusy
from muxi.runtime.state import StateFolder, file_errors

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
        self._also: IO[str] | None = None
        self.announce()

    @classmethod
    def take(cls, state: StateFolder) -> Ownership:
        """Become the owner of the project.

        Raises:
            ProjectInUse: Another process is; `details` has its `pid`, `socket` and `url`.
            StorageError: The lock cannot be written.
        """
        file = _locked(state.lock)
        if file is None:
            owner = _read(state.lock) or Owner(pid=0)
            raise ProjectInUse(
                f"Process {owner.pid} owns this project.",
                pid=owner.pid,
                socket=owner.socket,
                url=owner.url,
            )
        # A predecessor that was killed has left its socket behind.
        with suppress(FileNotFoundError):
            state.socket.unlink()
        return cls(file, state)

    def announce(self, *, url: str | None = None, socket: bool = False) -> None:
        """Tell others where this owner answers."""
        path = str(self._state.socket) if socket else None
        text = json.dumps(asdict(Owner(os.getpid(), path, url)))
        with file_errors(self._state.lock):
            self._file.seek(0)
            self._file.truncate()
            self._file.write(text)
            self._file.flush()

    def take_also(self, database: Path) -> None:
        """Own a SQLite file, which another project may name as its own.

        Raises:
            StorageBusy: A process of another project has it.
            StorageError: Its lock cannot be written.
        """
        file = database.resolve()
        lock = file.with_name(f"{file.name}.lock")
        with file_errors(lock):
            lock.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._also = _locked(lock)
        if self._also is None:
            raise StorageBusy(
                f"Another project's process uses {database}.",
                hint="Give each project a file of its own, or use PostgreSQL.",
            )

    def release(self) -> None:
        """Give the project up."""
        if self._file.closed:
            return
        with suppress(FileNotFoundError):
            self._state.socket.unlink()
        self._file.seek(0)
        self._file.truncate()
        self._file.close()
        if self._also is not None:
            self._also.close()


def owner_of(state: StateFolder) -> Owner | None:
    """The living owner of a project, or None if there is none. Raises `StorageError`."""
    try:
        with file_errors(state.lock):
            file = state.lock.open("r+", encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    with file:
        if _try_lock(file):
            return None
    return _read(state.lock)


def _locked(path: Path) -> IO[str] | None:
    """The file at `path`, locked until it is closed; None if another process holds it."""
    with file_errors(path):
        file = path.open("a+", encoding="utf-8")
        path.chmod(0o600)
    deadline = time.monotonic() + _PATIENCE
    while not _try_lock(file):
        if time.monotonic() > deadline:
            file.close()
            return None
        time.sleep(0.02)
    return file


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
