"""Images and files of messages: their bytes lie beside the database, by content.

Called by `runs` when a message comes in and when a model must see one, and by doors that show one.
A message that is stored or told refers to bytes; only what a model is given holds them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from muxi.core.errors import MuxiError
from muxi.core.messages import MediaPart, Message
from muxi.core.ports import Context, ContextBlock, ContextQuery, ContextSource
from muxi.runtime.principal import Principal
from muxi.storage import blobs
from muxi.storage.blob_files import BlobFiles
from muxi.storage.blobs import Blob
from muxi.storage.transaction import Database

_log = logging.getLogger("muxi.runtime")


@dataclass(kw_only=True)
class Blobs:
    """The blobs of the project."""

    database: Database
    files: BlobFiles

    async def get(self, who: Principal, digest: str) -> tuple[Blob, bytes]:
        """A blob and its bytes. Raises `NotFound`."""
        known = await self.database.read(who, partial(blobs.get, hash=digest), tiny=True)
        return known, await asyncio.to_thread(self.files.get, who.tenant, digest)

    async def lay_down(self, who: Principal, message: Message) -> tuple[Message, list[Blob]]:
        """`message` with references in place of bytes, and the blobs that it refers to.

        The bytes are in their files; the blobs are to be recorded with the message.
        """
        found: list[Blob] = []
        parts = list(message.parts)
        for at, part in enumerate(parts):
            if isinstance(part, MediaPart) and part.data is not None:
                blob = await asyncio.to_thread(
                    self.files.put, who.tenant, part.data, part.media_type
                )
                parts[at] = part.model_copy(update={"data": None, "blob": blob.hash})
                found.append(blob)
        return (message.model_copy(update={"parts": parts}), found) if found else (message, [])

    async def take_up(self, who: Principal, message: Message) -> Message:
        """`message` with bytes in place of references; the same object if it has none."""
        parts = list(message.parts)
        changed = False
        for at, part in enumerate(parts):
            if isinstance(part, MediaPart) and part.blob is not None and part.data is None:
                data = await asyncio.to_thread(self.files.get, who.tenant, part.blob)
                parts[at] = part.model_copy(update={"data": data, "blob": None})
                changed = True
        return message.model_copy(update={"parts": parts}) if changed else message

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


@dataclass(frozen=True, slots=True)
class WithBlobs:
    """A context source whose messages get the bytes that they refer to."""

    who: Principal
    source: ContextSource
    blobs: Blobs

    async def gather(self, ctx: Context, query: ContextQuery) -> ContextBlock:
        """See `core.ports.ContextSource`."""
        block = await self.source.gather(ctx, query)
        if any(_refers(message) for message in block.messages):
            block.messages = await self._with_bytes(block.messages)
        return block

    async def _with_bytes(self, messages: Sequence[Message]) -> list[Message]:
        return [await self.blobs.take_up(self.who, message) for message in messages]


def _refers(message: Message) -> bool:
    return any(isinstance(part, MediaPart) and part.blob is not None for part in message.parts)
