"""The folder `.muxi` beside a project: where its database, socket, lock and keys lie.

Used by `build`, by the server for its token, and by the CLI to find a running owner. It must never
be read by anybody but the user who owns it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from muxi.core.errors import MuxiError, StorageFull, StorageReadOnly, StorageUnavailable
from muxi.storage.private_files import make_once

_LONGEST_SOCKET = 100
"""Bytes of a socket's path that every system accepts (macOS: 103, Linux: 107)."""


class StateFolder:
    """Paths in a project's state folder. Nothing is made before `prepare`."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.database = self.root / "muxi.db"
        self.lock = self.root / "muxi.lock"
        self.token_file = self.root / "token"
        self.master_key = self.root / "master.key"
        self.audit_key = self.root / "audit.key"
        self.snapshots = self.root / "snapshots"
        self.blobs = self.root / "blobs"
        self.unfinished = self.root / "unfinished"
        """Files that are being sent; on the disk of the blobs, which they become."""

    @property
    def socket(self) -> Path:
        """The owner's socket: in the folder, or in a private one if that path is too long."""
        path = self.root / "muxi.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET:
            return path
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"muxi-{_user()}" / f"{digest}.sock"

    def prepare(self) -> None:
        """Make the folders, readable by their owner only.

        Raises:
            MuxiError: The folder cannot be made or belongs to somebody else.
        """
        for folder in (self.root, self.socket.parent):
            try:
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            except OSError as error:
                raise MuxiError(
                    f"The folder {folder} cannot be made: {error.strerror}.",
                    hint="Run muxi in a folder that you may write to.",
                ) from error
            _require_private(folder)
        ignore = self.root / ".gitignore"
        if not ignore.exists():
            with file_errors(ignore):
                # Keys and conversations are not source code.
                ignore.write_text("*\n", encoding="utf-8")

    def token(self) -> str:
        """The token of this project's API, made on first use in a file of mode 600.

        Raises:
            MuxiError: The file is damaged, or cannot be read or written.
        """
        try:
            with file_errors(self.token_file):
                if not self.token_file.exists():
                    make_once(self.token_file, secrets.token_urlsafe(32) + "\n")
                token = self.token_file.read_text(encoding="ascii").strip()
        except ValueError:
            token = ""
        if not token:
            raise MuxiError(
                f"The file {self.token_file} is damaged.",
                hint="Delete it: the next start makes another, and browsers sign in again.",
            )
        return token


@contextmanager
def file_errors(path: Path) -> Generator[None]:
    """Tell in words what keeps the block from using the file at `path`.

    Raises:
        FileNotFoundError, NotADirectoryError: It does not exist.
        StorageFull: There is no room for it.
        StorageReadOnly: It may not be written.
        StorageUnavailable: The system refuses it for another reason.
    """
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        words = f"{path} cannot be used: {error.strerror}."
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(words) from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise StorageReadOnly(words) from error
        raise StorageUnavailable(words, hint="Check the disk and the folder.") from error


def _require_private(folder: Path) -> None:
    if os.name != "posix":
        return
    status = folder.stat()
    if status.st_uid != os.getuid():
        raise MuxiError(
            f"The folder {folder} belongs to another user.",
            hint="Run muxi as that user, or in a folder of your own.",
        )
    if status.st_mode & 0o077:
        folder.chmod(0o700)


def _user() -> str:
    return str(os.getuid()) if os.name == "posix" else "user"
