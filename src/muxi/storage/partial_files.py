"""Files that are still being sent: their bytes so far, one file each, beside the blobs.

Called by `runtime.files` off the event loop. How much has come is what lies on the disk, so it is
true after a crash too.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from muxi.core.errors import NotFound
from muxi.storage.blob_files import BlobFiles, storage_errors
from muxi.storage.blobs import Blob

_PIECE = 1 << 20


class PartialFiles:
    """The unfinished files of a project, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, tenant: str, file_id: str) -> None:
        """Make room for a file.

        Raises:
            StorageError: The disk is full or cannot be written.
        """
        path = self.path(tenant, file_id)
        with storage_errors():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600, exist_ok=False)

    def offset(self, tenant: str, file_id: str) -> int:
        """How many bytes have come. Raises `NotFound` if the file is not being sent."""
        with self._there(file_id):
            return self.path(tenant, file_id).stat().st_size

    def append(self, tenant: str, file_id: str, data: bytes) -> None:
        """Write `data` behind what has come."""
        with self._there(file_id), self.path(tenant, file_id).open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(data)

    def cut(self, tenant: str, file_id: str, offset: int) -> None:
        """Forget what came after the first `offset` bytes."""
        with self._there(file_id):
            os.truncate(self.path(tenant, file_id), offset)

    def remove(self, tenant: str, file_id: str) -> None:
        """Forget the file, if it is there."""
        with storage_errors():
            self.path(tenant, file_id).unlink(missing_ok=True)

    def sweep(self, tenant: str, *, older_than: float) -> None:
        """Forget what nobody has sent anything of for so many seconds, whatever rows say."""
        limit = time.time() - older_than
        with storage_errors():
            for path in self.path(tenant, "").parent.glob("*"):
                # It may be whole by now, and lie where blobs do.
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < limit:
                        path.unlink()

    def finish(self, tenant: str, file_id: str, media_type: str, *, into: BlobFiles) -> Blob:
        """Make a blob of the whole file, which stays until `remove`: a row comes first."""
        path = self.path(tenant, file_id)
        digest = hashlib.sha256()
        with self._there(file_id), path.open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
            os.fsync(file.fileno())
            size = file.tell()
        blob = Blob(f"sha256:{digest.hexdigest()}", size, media_type)
        into.adopt(tenant, path, blob)
        return blob

    def path(self, tenant: str, file_id: str) -> Path:
        """Where the bytes lie."""
        names = (hashlib.sha256(name.encode()).hexdigest()[:32] for name in (tenant, file_id))
        return self.folder.joinpath(*names)

    @contextmanager
    def _there(self, file_id: str) -> Generator[None]:
        with storage_errors():
            try:
                yield
            except FileNotFoundError:
                raise NotFound(f"The file {file_id[:64]} is not being sent.") from None
