"""Files that people send: taken in pieces that may break off, looked at, kept as blobs.

Called by doors, and by `blobs` when a message refers to a file. Nothing here holds a whole file in
memory, and nobody uses one before it is complete, of an allowed kind, and scanned.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path

from muxi.config.file_settings import FileSettings
from muxi.config.project import Project
from muxi.core.errors import (
    Conflict,
    FileRefused,
    InvalidInput,
    LimitReached,
    MuxiError,
    NotFound,
    TooLarge,
)
from muxi.core.files import UploadedFile
from muxi.core.pages import Page
from muxi.core.record import now
from muxi.runtime.blobs import Blobs
from muxi.runtime.media_types import kind_of, media_type_of
from muxi.runtime.principal import Principal
from muxi.runtime.scanning import Scan, scanner
from muxi.runtime.state import StateFolder
from muxi.runtime.thumbnails import MEDIA_TYPE, thumbnail_of
from muxi.storage import files
from muxi.storage.blob_files import BlobFiles
from muxi.storage.blobs import Blob
from muxi.storage.partial_files import PartialFiles
from muxi.storage.records import now_micros
from muxi.storage.transaction import Database, Tx

_log = logging.getLogger("muxi.runtime")

_AT_ONCE = 1 << 20
"""Bytes that are gathered before they are written."""

_LONGEST_NAME = 200

_SWEEP_AFTER = 600.0
"""Seconds after which somebody who sends a file clears up those that were given up."""


@dataclass(kw_only=True)
class Files:
    """The files of the project's users."""

    database: Database
    settings: FileSettings
    folder: Path
    """The project's, where its scanner is looked for."""
    unfinished: PartialFiles
    blobs: BlobFiles
    on_deleted: Callable[[str], None]
    """Told the tenant of a file that was deleted."""
    _writing: set[str] = field(default_factory=set[str])
    _swept: float = 0.0

    @property
    def largest(self) -> int:
        """Bytes of the largest file."""
        return self.settings.megabytes << 20

    async def create(
        self,
        who: Principal,
        *,
        size: int,
        name: str | None = None,
        media_type: str | None = None,
    ) -> UploadedFile:
        """Announce a file of `size` bytes, which then comes in pieces.

        Raises:
            TooLarge: It is larger than a file may be.
            LimitReached: The files of its owner would take more than they may.
            StorageError: There is no room for it.
        """
        if size > self.largest:
            raise TooLarge(f"The file is larger than {self.settings.megabytes} MiB.")
        await self._clear_up(who.tenant)
        file = UploadedFile(
            name=_file_name(name),
            media_type=(media_type or "application/octet-stream")[:_LONGEST_NAME],
            size=size,
            owner=who.principal or "",
            expires_at=now() + timedelta(hours=self.settings.hours),
        )
        await self.database.write(who, partial(self._admit, file=file))
        await asyncio.to_thread(self.unfinished.begin, who.tenant, file.id)
        return file if size else await self._finish(who, file)

    async def append(
        self,
        who: Principal,
        file_id: str,
        offset: int,
        pieces: AsyncIterator[bytes],
        *,
        sha256: bytes | None = None,
    ) -> UploadedFile:
        """Take more of a file, from `offset` on; what comes before a break is kept.

        Args:
            who: Whose file.
            file_id: Its id.
            offset: How much the sender knows to have come.
            pieces: What comes.
            sha256: Digest of all pieces together; with another one, none of them is kept.

        Raises:
            NotFound: There is no such file.
            Conflict: Another amount has come, or somebody else is sending, or it is complete.
            TooLarge: It is more than was announced.
            InvalidInput: The digest is another.
            FileRefused: It is complete, and of a kind that is not taken, or refused by a scanner.
        """
        file = await self.get(who, file_id)
        with self._alone(file_id):
            if file.status == "complete" or file.offset != offset:
                raise Conflict(
                    f"{file.offset} bytes of this file have come, not {offset}.",
                    hint="Ask how much has come, and go on from there.",
                    offset=file.offset,
                )
            digest = hashlib.sha256() if sha256 is not None else None
            file.offset = await self._write(who, file, pieces, digest and digest.update)
            if digest is not None and digest.digest() != sha256:
                await asyncio.to_thread(self.unfinished.cut, who.tenant, file_id, offset)
                raise InvalidInput("The bytes that came have another digest.")
            return file if file.offset < file.size else await self._finish(who, file)

    async def get(self, who: Principal, file_id: str) -> UploadedFile:
        """Raises `NotFound`."""
        return await self.database.read(who, self.reading(file_id))

    def reading(self, file_id: str) -> Callable[[Tx], UploadedFile]:
        """How `get` reads, inside of a transaction."""

        def read(tx: Tx) -> UploadedFile:
            file = files.get(tx, file_id)
            if file.status == "open":
                file.offset = self.unfinished.offset(tx.scope.tenant, file_id)
            return file

        return read

    async def page(
        self, who: Principal, *, cursor: str | None = None, limit: int = 50
    ) -> Page[UploadedFile]:
        """The files of whoever asks, the newest first."""
        read = partial(files.page, after=cursor, limit=limit)
        found = await self.database.read(who, read)
        return Page[UploadedFile](items=list(found.items), next=found.next)

    async def content(self, who: Principal, file_id: str) -> tuple[UploadedFile, Path]:
        """A complete file and where its bytes lie.

        Raises:
            NotFound: There is no such file.
            Conflict: It is not complete.
        """
        file = await self.get(who, file_id)
        if file.hash is None:
            raise _incomplete(file)
        return file, await asyncio.to_thread(self.blobs.path, who.tenant, file.hash)

    async def thumbnail(self, who: Principal, file_id: str) -> tuple[str, Path]:
        """The media type of a file's small picture and where it lies. Raises `NotFound`."""
        file = await self.get(who, file_id)
        if file.thumbnail is None:
            raise NotFound(f"There is no small picture of {file.id}.")
        return MEDIA_TYPE, await asyncio.to_thread(self.blobs.path, who.tenant, file.thumbnail)

    async def delete(self, who: Principal, file_id: str) -> None:
        """Delete a file, or give up one that is being sent; messages keep what they refer to.

        Raises:
            NotFound: There is no such file.
        """
        with self._alone(file_id):
            await self.database.write(who, partial(files.delete, file_id=file_id))
            await asyncio.to_thread(self.unfinished.remove, who.tenant, file_id)
        self.on_deleted(who.tenant)

    async def sweep(self, tenant: str) -> None:
        """Drop what was not sent to its end in time."""
        whole = Principal(tenant, None)
        try:
            expired = partial(files.expired, before=now_micros())
            for file_id in await self.database.read(whole, expired):
                await self.delete(whole, file_id)
            # What was begun by somebody who has been forgotten since.
            sweep = partial(self.unfinished.sweep, older_than=2 * 3600.0 * self.settings.hours)
            await asyncio.to_thread(sweep, tenant)
        except MuxiError as error:
            _log.warning("Unfinished files could not be removed: %s", error.message)

    def _admit(self, tx: Tx, file: UploadedFile) -> None:
        quota = self.settings.quota_megabytes << 20
        if files.taken(tx) + file.size > quota:
            raise LimitReached(
                f"Your files would take more than {self.settings.quota_megabytes} MiB.",
                hint="Delete some that you no longer need.",
            )
        files.create(tx, file)

    async def _write(
        self,
        who: Principal,
        file: UploadedFile,
        pieces: AsyncIterator[bytes],
        hear: Callable[[bytes], None] | None,
    ) -> int:
        """Write what comes, and let `hear` know of it; how much has come then."""
        offset, waiting = file.offset, bytearray()
        append = partial(self.unfinished.append, who.tenant, file.id)
        try:
            async for piece in pieces:
                if offset + len(waiting) + len(piece) > file.size:
                    raise TooLarge(f"More came than the {file.size} bytes that were announced.")
                waiting += piece
                if hear is not None:
                    hear(piece)
                if len(waiting) >= _AT_ONCE:
                    await asyncio.to_thread(append, bytes(waiting))
                    offset += len(waiting)
                    waiting.clear()
        finally:
            if waiting:
                await asyncio.to_thread(append, bytes(waiting))
        return offset + len(waiting)

    async def _finish(self, who: Principal, file: UploadedFile) -> UploadedFile:
        """Look at a file that is whole, and keep it as a blob."""
        path = self.unfinished.path(who.tenant, file.id)
        try:
            file.media_type = await asyncio.to_thread(
                media_type_of, path, name=file.name, declared=file.media_type
            )
            file.kind = kind_of(file.media_type)
            await self._check(path, file)
        except FileRefused:
            await self._drop(who, file.id)
            raise
        small = await self._small(path, file, who.tenant)
        finish = partial(self.unfinished.finish, into=self.blobs)
        blob = await asyncio.to_thread(finish, who.tenant, file.id, file.media_type)
        file.status, file.hash, file.expires_at, file.offset = (
            "complete",
            blob.hash,
            None,
            file.size,
        )
        held = [blob] if small is None else [blob, small]
        kept = await self.database.write(who, lambda tx: files.hold(tx, file, *held))
        await asyncio.to_thread(self.unfinished.remove, who.tenant, file.id)
        return kept

    async def _check(self, path: Path, file: UploadedFile) -> None:
        if not any(fnmatchcase(file.media_type, each) for each in self.settings.accept):
            raise FileRefused(
                f"Files of type {file.media_type} are not taken here.",
                hint=f"What is: {', '.join(self.settings.accept)}.",
            )
        if self._scan is not None:
            await self._scan(path, file.media_type)

    async def _small(self, path: Path, file: UploadedFile, tenant: str) -> Blob | None:
        longest = self.settings.thumbnail
        if file.kind != "image" or not longest:
            return None
        data = await asyncio.to_thread(thumbnail_of, path, longest)
        if data is None:
            return None
        small = await asyncio.to_thread(self.blobs.put, tenant, data, MEDIA_TYPE)
        file.thumbnail = small.hash
        return small

    async def _drop(self, who: Principal, file_id: str) -> None:
        await self.database.write(who, partial(files.delete, file_id=file_id))
        await asyncio.to_thread(self.unfinished.remove, who.tenant, file_id)

    async def _clear_up(self, tenant: str) -> None:
        if time.monotonic() - self._swept > _SWEEP_AFTER:
            self._swept = time.monotonic()
            await self.sweep(tenant)

    @cached_property
    def _scan(self) -> Scan | None:
        setting = self.settings.scan
        if setting is None:
            return None
        return scanner(setting, self.folder, seconds=self.settings.scan_seconds)

    @contextmanager
    def _alone(self, file_id: str) -> Generator[None]:
        """While somebody sends a file, nobody else does."""
        if file_id in self._writing:
            raise Conflict("Somebody is sending this file at this moment.", retry_after=1)
        self._writing.add(file_id)
        try:
            yield
        finally:
            self._writing.discard(file_id)


def files_of(
    project: Project, state: StateFolder, blobs: Blobs, *, on_deleted: Callable[[str], None]
) -> Files:
    """The files of a project, kept beside its other blobs."""
    return Files(
        on_deleted=on_deleted,
        database=blobs.database,
        settings=project.files,
        folder=project.folder,
        unfinished=PartialFiles(state.unfinished),
        blobs=blobs.files,
    )


def _file_name(name: str | None) -> str | None:
    """The name without folders, of characters that can be shown."""
    if name is None:
        return None
    last = name.replace("\\", "/").rpartition("/")[2]
    shown = "".join(each for each in last if each.isprintable()).strip(". ")
    return shown[:_LONGEST_NAME] or None


def _incomplete(file: UploadedFile) -> Conflict:
    return Conflict(
        f"{file.offset} of the {file.size} bytes of this file have come.",
        hint="Send the rest first.",
        file_id=file.id,
    )
