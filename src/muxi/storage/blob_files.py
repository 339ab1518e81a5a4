"""Bytes outside the rows: one file for each content of a tenant, named by its hash.

Called by `runtime` off the event loop, before the transaction that refers to the bytes. A file is
whole or absent, whenever the power goes. Files that no row speaks of are swept later, never while
they are young: their transaction may not have come yet. What was read out of a blob, such as the
text of a document, lies beside it and goes with it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from muxi.core.errors import (
    InvalidInput,
    NotFound,
    StorageCorrupt,
    StorageFull,
    StorageReadOnly,
    StorageUnavailable,
)
from muxi.storage.blobs import Blob

_HASH = re.compile(r"sha256:([0-9a-f]{64})")
_FULL = ("ENOSPC", "EDQUOT")
_FORBIDDEN = ("EACCES", "EPERM", "EROFS")


class BlobFiles:
    """The blobs of a project, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, tenant: str, data: bytes, media_type: str) -> Blob:
        """Write the bytes, unless they are there, and say what is to be recorded of them.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        path = self._path(tenant, digest)
        with storage_errors():
            try:
                os.utime(path)
            except FileNotFoundError:
                _write(path, data)
        return Blob(digest, len(data), media_type)

    def adopt(self, tenant: str, file: Path, blob: Blob) -> None:
        """Take a file that is whole and on the disk as the bytes of `blob`.

        It stays where it is as well, so that whoever is killed before a row speaks of the blob can
        go on with it; its bytes are not copied where the disk can give them two names.

        Raises:
            StorageError: The folder cannot be written.
        """
        path = self._path(tenant, blob.hash)
        with storage_errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                _name_twice(file, path)
            os.utime(path)
            _sync_folder(path.parent)

    def path(self, tenant: str, digest: str) -> Path:
        """Where the bytes of a blob lie, for who sends them as they are. Raises `NotFound`."""
        path = self._path(tenant, digest)
        if not path.exists():
            raise NotFound(f"There is no blob {digest}.")
        return path

    def get(self, tenant: str, digest: str) -> bytes:
        """The bytes of a blob.

        Raises:
            NotFound: There are none.
            StorageCorrupt: They are not what was written.
        """
        try:
            data = self._path(tenant, digest).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"There is no blob {digest}.") from error
        except OSError as error:
            raise _typed(error) from error
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != digest:
            raise StorageCorrupt(f"The blob {digest} is damaged.")
        return data

    def put_reading(self, tenant: str, digest: str, kind: str, text: str) -> None:
        """Keep what was read out of a blob, under a name for how that was done.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        path = self._path(tenant, digest)
        with storage_errors():
            if path.exists():
                _write(_reading(path, kind), text.encode())

    def reading(self, tenant: str, digest: str, kind: str) -> str | None:
        """What was read out of a blob in this way; None if nothing is kept of that."""
        try:
            return _reading(self._path(tenant, digest), kind).read_text("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _typed(error) from error

    def remove(self, tenant: str, digest: str, *, put_before: float) -> bool:
        """Remove the bytes that no row speaks of; whether they are gone.

        Args:
            tenant: Whose blob.
            digest: Its hash.
            put_before: Seconds since 1970; bytes that were put since then stay, as a transaction
                may be about to refer to them.
        """
        path = self._path(tenant, digest)
        try:
            if path.stat().st_mtime >= put_before:
                return False
            for reading in path.parent.glob(f"{path.name}.*"):
                reading.unlink(missing_ok=True)
            path.unlink()
        except FileNotFoundError:
            return True
        except OSError as error:
            raise _typed(error) from error
        return True

    def sweep(self, tenant: str, known: Collection[str], *, older_than: float = 3600.0) -> int:
        """Remove files that are not among the `known` hashes and return their number.

        Args:
            tenant: Whose files.
            known: Hashes that rows speak of, read after the sweep was decided on.
            older_than: Seconds since the file was last put; younger ones stay.
        """
        removed = 0
        limit = time.time() - older_than
        for path in self._folder(tenant).glob("*/*"):
            known_blob = f"sha256:{path.name.partition('.')[0]}" in known
            # A draft may have become a blob meanwhile, and another process may sweep too.
            with suppress(FileNotFoundError):
                if not known_blob and path.stat().st_mtime <= limit:
                    path.unlink()
                    removed += 1
        return removed

    def _folder(self, tenant: str) -> Path:
        # A tenant's name may hold anything, a folder's may not.
        return self.folder / hashlib.sha256(tenant.encode()).hexdigest()[:32]

    def _path(self, tenant: str, digest: str) -> Path:
        match = _HASH.fullmatch(digest)
        if match is None:
            raise InvalidInput("This is not the hash of a blob.")
        return self._folder(tenant) / match[1][:2] / match[1]


def _reading(path: Path, kind: str) -> Path:
    name = hashlib.sha256(kind.encode()).hexdigest()[:16]
    return path.with_name(f"{path.name}.{name}")


@contextmanager
def storage_errors() -> Generator[None]:
    """Errors of the system, in muxi's terms."""
    try:
        yield
    except OSError as error:
        raise _typed(error) from error


def _name_twice(file: Path, path: Path) -> None:
    try:
        os.link(file, path)
    except FileExistsError:
        return  # the same bytes came from somebody else
    except OSError:
        # Some file systems know no links.
        with file.open("rb") as source:
            _write(path, source)


def _write(path: Path, data: bytes | BinaryIO) -> None:
    """Make the file whole before it has its name."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".draft-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            if isinstance(data, bytes):
                file.write(data)
            else:
                shutil.copyfileobj(data, file)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _typed(error: OSError) -> StorageFull | StorageReadOnly | StorageUnavailable:
    name = errno.errorcode.get(error.errno or 0, "")
    if name in _FULL:
        return StorageFull()
    if name in _FORBIDDEN:
        return StorageReadOnly("The folder of blobs cannot be written or read.")
    return StorageUnavailable(f"A blob cannot be reached: {error.strerror}.")
