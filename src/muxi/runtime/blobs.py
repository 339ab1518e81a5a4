"""Images and files of messages: their bytes lie beside the database, by content.

Called by `runs` when a message comes in, by `run_media` when a tool gives bytes and when a model
must see some, and by doors that show them.
A message that is stored or told refers to bytes; only what a model is given holds them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar, cast

from muxi.core.errors import Conflict, MuxiError
from muxi.core.messages import (
    AudioPart,
    FilePart,
    ImagePart,
    MediaPart,
    Message,
    Part,
    ToolResultPart,
    media,
)
from muxi.runtime.principal import Principal
from muxi.storage import blobs, files
from muxi.storage.blob_files import BlobFiles
from muxi.storage.blobs import Blob
from muxi.storage.transaction import Database

P = TypeVar("P", bound=Part)

_KINDS: dict[str, type[MediaPart]] = {"image": ImagePart, "audio": AudioPart}

_log = logging.getLogger("muxi.runtime")


@dataclass(kw_only=True)
class Blobs:
    """The blobs of the project."""

    database: Database
    files: BlobFiles

    async def get(self, who: Principal, digest: str) -> tuple[Blob, bytes]:
        """A blob and its bytes. Raises `NotFound`."""
        known = await self.known(who, digest)
        return known, await asyncio.to_thread(self.files.get, who.tenant, digest)

    async def lay_down(self, who: Principal, message: Message) -> tuple[Message, list[Blob]]:
        """`message` with references in place of bytes, and the blobs that it refers to.

        The bytes are in their files; the blobs are to be recorded with the message.

        Raises:
            NotFound: It refers to a blob or file that is not there, or is not this user's to see.
            Conflict: It refers to a file that has not come to its end.
        """
        referred = [part.blob for part in media(message.parts) if part.blob is not None]
        parts, found = await self.lay_down_parts(who, message.parts)
        found += [await self.known(who, digest) for digest in referred]
        return (message.model_copy(update={"parts": parts}), found) if found else (message, [])

    async def lay_down_all(
        self, who: Principal, messages: Sequence[Message]
    ) -> tuple[list[Message], list[Blob]]:
        """As `lay_down`, of several messages."""
        laid = [await self.lay_down(who, message) for message in messages]
        return [message for message, _ in laid], [blob for _, found in laid for blob in found]

    async def lay_down_parts(
        self, who: Principal, parts: Sequence[P]
    ) -> tuple[list[P], list[Blob]]:
        """As `lay_down`, of parts."""
        found: list[Blob] = []

        async def put(part: MediaPart) -> MediaPart:
            if part.file_id is not None:
                return await self._named(who, part, found)
            if part.data is None:
                return part
            blob = await asyncio.to_thread(self.files.put, who.tenant, part.data, part.media_type)
            found.append(blob)
            return part.model_copy(update={"data": None, "blob": blob.hash})

        return await _replaced(parts, put), found

    async def take_up_parts(self, who: Principal, parts: Sequence[P]) -> list[P]:
        """`parts` with bytes in place of references. Raises `NotFound` if they are gone."""

        async def get(part: MediaPart) -> MediaPart:
            if part.blob is None:
                return part
            data = await asyncio.to_thread(self.files.get, who.tenant, part.blob)
            return part.model_copy(update={"data": data, "blob": None})

        return await _replaced(parts, get)

    async def _named(self, who: Principal, part: MediaPart, found: list[Blob]) -> MediaPart:
        """The part with the blob of the file that it names, as what that file is."""
        read = partial(files.get, file_id=part.file_id or "")
        file = await self.database.read(who, read, tiny=True)
        if file.hash is None:
            raise Conflict(f"The file {file.id} is not complete.", hint="Send the rest first.")
        found.append(Blob(file.hash, file.size, file.media_type))
        kind = _KINDS.get(file.kind, FilePart)
        return kind(
            media_type=file.media_type,
            blob=file.hash,
            name=part.name or file.name,
            provider=part.provider,
        )

    async def known(self, who: Principal, digest: str) -> Blob:
        return await self.database.read(who, partial(blobs.get, hash=digest), tiny=True)

    async def sweep(self, tenant: str) -> None:
        """Remove the files that nothing refers to any more."""
        whole = Principal(tenant, None)
        try:
            known = await self.database.read(whole, blobs.hashes)
            removed = await asyncio.to_thread(self.files.sweep, tenant, known)
        except MuxiError as error:
            _log.warning("Unused blobs could not be removed: %s", error.message)
            return
        if removed:
            _log.info("Removed %d blobs that nothing refers to.", removed)


async def _replaced(
    parts: Sequence[P], change: Callable[[MediaPart], Awaitable[MediaPart]]
) -> list[P]:
    """`parts` with every media part changed, those inside of tool results too."""
    changed: list[Part] = []
    for part in parts:
        if isinstance(part, MediaPart):
            changed.append(await change(part))
        elif isinstance(part, ToolResultPart) and any(media(part.content)):
            content = await _replaced(part.content, change)
            changed.append(part.model_copy(update={"content": content}))
        else:
            changed.append(part)
    return cast("list[P]", changed)
