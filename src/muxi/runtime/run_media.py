"""The media of one run: kept apart from what is stored, shown to models as these can take them.

Made by `runs` for each run. It must never leave out anything of a message without saying so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from muxi.core.messages import MediaPart, Message, Part, has_media
from muxi.core.ports import Context
from muxi.runtime.blobs import Blobs
from muxi.runtime.kept_files import KeptFiles
from muxi.runtime.media_texts import MediaTexts, Reader
from muxi.runtime.principal import Principal
from muxi.storage import blobs
from muxi.storage.journal import StoredJournal

P = TypeVar("P", bound=Part)


@dataclass(frozen=True, slots=True)
class RunMedia:
    """Implements `core.ports.Media` for one run: its thread uses what it lays down."""

    who: Principal
    journal: StoredJournal
    blobs: Blobs
    texts: MediaTexts
    kept: KeptFiles

    async def lay_down(self, parts: Sequence[P]) -> list[P]:
        """See `core.ports.Media`."""
        laid, found = await self.blobs.lay_down_parts(self.who, parts)
        for blob in found:
            self.journal.also(partial(blobs.add, blob=blob, holder=self.journal.run.thread_id))
        return laid

    async def show(
        self, ctx: Context, message: Message, *, takes: Callable[[MediaPart], bool], room: int
    ) -> Message:
        """See `core.ports.Media`."""
        if not has_media(message):
            return message
        keep = partial(self.kept.kept_part, ctx.tenant, store_it=self.journal.flush)
        reader = Reader(takes, keep)
        parts = await self.texts.shown(ctx, message.parts, reader=reader, room=room)
        return message.model_copy(update={"parts": parts})
