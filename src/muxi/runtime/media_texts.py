"""Media for models: bytes for those that take them, and words for those that do not.

Called through `run_media`. The words say what there is, what of it could be told, and what was left
out. What was read out of a blob is kept beside it, so that a document is read once and a recording
is paid for once. A failure to read becomes words too: no run fails for what somebody attached.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from muxi.core.errors import DocumentUnreadable, LimitReached, MuxiError, NotFound
from muxi.core.messages import (
    AudioPart,
    ImagePart,
    MediaPart,
    Part,
    TextPart,
    ToolResultPart,
    media,
)
from muxi.core.ports import Context
from muxi.runtime.imaging import ModelImaging
from muxi.runtime.media_types import is_plain
from muxi.runtime.thumbnails import COMMON, size_of, smaller_of
from muxi.runtime.tools import Tools
from muxi.runtime.voice import ModelVoice
from muxi.storage.blob_files import BlobFiles

Takes = Callable[[MediaPart], bool]

_LONGEST = 2048
"""Pixels of the longer side of pictures that are made smaller: as much as most models look at."""
_LONGEST_NAME = 200
_READ = "read\n"
_UNREADABLE = "unreadable\n"
_DESCRIBE = (
    "Describe this picture for somebody who cannot see it: what it shows, and every word that is "
    "written in it. Say nothing else."
)


@dataclass(frozen=True, slots=True)
class Reader:
    """The model that is to see media."""

    takes: Takes
    """Whether it can be given a part."""
    keep: Callable[[str, MediaPart], MediaPart]
    """What it is given of a blob: the part with its bytes, which its provider may keep."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a medium holds, in words."""

    how: str
    """What stands here in place of it, and what is missing of it."""
    text: str


@dataclass(frozen=True, slots=True)
class _Medium:
    """A part whose bytes lie in a file."""

    part: MediaPart
    path: Path
    named: str
    """What it is, in words."""

    @classmethod
    def of(cls, part: MediaPart, path: Path) -> _Medium:
        facts = [_amount(path.stat().st_size)]
        if isinstance(part, ImagePart) and (size := size_of(path)) is not None:
            facts.insert(0, f"{size[0]} by {size[1]} pixels")
        return cls(part, path, _named(part, *facts))

    async def whole(self) -> MediaPart:
        """The part with its bytes."""
        data = await asyncio.to_thread(self.path.read_bytes)
        return self.part.model_copy(update={"data": data, "blob": None})


@dataclass(frozen=True, kw_only=True)
class MediaTexts:
    """The media of one project, as its models see them."""

    tools: Tools
    """Reads documents."""
    imaging: ModelImaging
    """Describes pictures."""
    voice: ModelVoice
    """Writes down recordings."""

    @property
    def blobs(self) -> BlobFiles:
        """Where the bytes lie."""
        return self.imaging.blobs.files

    async def shown(
        self, ctx: Context, parts: Sequence[Part], *, reader: Reader, room: int
    ) -> list[Part]:
        """`parts` as a model sees them; see `core.ports.Media.show`."""
        shown: list[Part] = []
        for part in parts:
            if isinstance(part, MediaPart):
                made = await self._shown(ctx, part, reader, room)
                room -= sum(len(each.text) for each in made if isinstance(each, TextPart))
                shown += made
            elif isinstance(part, ToolResultPart) and any(media(part.content)):
                content = await self.shown(ctx, part.content, reader=reader, room=room)
                shown.append(part.model_copy(update={"content": content}))
            else:
                shown.append(part)
        return shown

    async def _shown(
        self, ctx: Context, part: MediaPart, reader: Reader, room: int
    ) -> list[MediaPart | TextPart]:
        takes = reader.takes
        if part.url is not None:
            if takes(part):
                return [part]
            why = f"{_inability(part)}, and what lies elsewhere is not fetched"
            return [TextPart(text=_left_out(_named(part), why))]
        try:
            medium = await self._medium(ctx, part)
        except NotFound:
            return [TextPart(text=_left_out(_named(part), "its bytes are no longer stored"))]
        if takes(part):
            whole = await medium.whole()
            if takes(whole):
                return [reader.keep(medium.part.blob or "", whole)]
        if isinstance(part, ImagePart) and takes(ImagePart(media_type=COMMON)):
            smaller = await asyncio.to_thread(_fitting, medium, takes)
            if smaller is not None:
                how = f"is shown as a picture of at most {_LONGEST} by {_LONGEST} pixels"
                return [TextPart(text=f"[{medium.named} {how}.]"), smaller]
        return [TextPart(text=await self._words(ctx, medium, room))]

    async def _medium(self, ctx: Context, part: MediaPart) -> _Medium:
        """The medium of a part, whose bytes lie in a file. Raises `NotFound`."""
        tenant = ctx.tenant
        if part.data is not None:
            put = self.blobs.put
            blob = await asyncio.to_thread(put, tenant, part.data, part.media_type)
            part = part.model_copy(update={"data": None, "blob": blob.hash})
        path = await asyncio.to_thread(self.blobs.path, tenant, part.blob or "")
        return await asyncio.to_thread(_Medium.of, part, path)

    async def _words(self, ctx: Context, medium: _Medium, room: int) -> str:
        """What stands in place of a medium that a model does not take."""
        try:
            told = await self._told(ctx, medium)
        except LimitReached:
            raise
        except MuxiError as error:
            why = f"{_inability(medium.part)}, and {error.message[:1].lower()}{error.message[1:]}"
            return _left_out(medium.named, why.rstrip("."))
        text, named, short = told.text.strip(), medium.named, _short(medium.part)
        begun = (
            f"[In place of {named[:1].lower()}{named[1:]}, which you cannot be given, {told.how}:]"
        )
        if len(text) <= room:
            return f"{begun}\n{text}\n[End of {short}.]"
        missing = len(text) - max(0, room)
        rest = f"[The rest of {short} is left out for want of room: {missing:,} characters.]"
        return f"{begun}\n{text[: max(0, room)]}\n{rest}"

    async def _told(self, ctx: Context, medium: _Medium) -> _Told:
        part = medium.part
        family = part.media_type.partition("/")[0]
        if isinstance(part, ImagePart):
            return await self._described(ctx, medium)
        if isinstance(part, AudioPart) or family in ("audio", "video"):
            return await self._written_down(ctx, medium)
        if is_plain(part.media_type):
            data = await asyncio.to_thread(medium.path.read_bytes)
            return _Told("its text", data.decode("utf-8-sig", "replace"))
        text = await self._once(ctx, medium, "document", partial(self._read, medium))
        if not text.strip():
            raise DocumentUnreadable("it has no text that can be read: its pages may be pictures.")
        return _Told("its text, without pictures and layout", text)

    async def _described(self, ctx: Context, medium: _Medium) -> _Told:
        seeing = self.tools.project.media.vision
        if seeing is None:
            raise DocumentUnreadable("no model is configured that describes pictures.")

        async def look() -> str:
            picture = await medium.whole()
            assert isinstance(picture, ImagePart)
            return await self.imaging.look(ctx, picture, _DESCRIBE, model=seeing)

        text = await self._once(ctx, medium, f"picture {seeing}", look)
        return _Told("what another model sees in it", text)

    async def _written_down(self, ctx: Context, medium: _Medium) -> _Told:
        if self.voice.hears is None:
            raise DocumentUnreadable("no transcription is configured.")
        text = (await self.voice.heard(ctx, medium.part)).text
        if not text.strip():
            raise DocumentUnreadable("no words are spoken in it.")
        return _Told("a transcript of the words spoken in it, which may have mistakes", text)

    async def _read(self, medium: _Medium) -> str:
        part, lines, page = medium.part, list[str](), None
        found = await self.tools.read_document(medium.path, part.name or "", part.media_type)
        for each in found:
            if each.page is not None and each.page != page:
                page = each.page
                lines.append(f"[page {page}]")
            lines.append(each.text)
        return "\n\n".join(lines)

    async def _once(
        self, ctx: Context, medium: _Medium, kind: str, make: Callable[[], Awaitable[str]]
    ) -> str:
        """What `make` gives, of which one call is enough; who cannot be read stays so."""
        keep = partial(self.blobs.put_reading, ctx.tenant, medium.part.blob or "", kind)
        known = await asyncio.to_thread(
            self.blobs.reading, ctx.tenant, medium.part.blob or "", kind
        )
        if known is not None:
            if known.startswith(_UNREADABLE):
                raise DocumentUnreadable(known.removeprefix(_UNREADABLE))
            return known.removeprefix(_READ)
        try:
            text = await make()
        except DocumentUnreadable as error:
            await asyncio.to_thread(keep, _UNREADABLE + error.message)
            raise
        await asyncio.to_thread(keep, _READ + text)
        return text


def _fitting(medium: _Medium, takes: Takes) -> ImagePart | None:
    """The picture so large and of such a type that the model takes it; None if it cannot be."""
    made = smaller_of(medium.path, _LONGEST)
    if made is None:
        return None
    data, media_type = made
    part = ImagePart(media_type=media_type, data=data, name=medium.part.name)
    return part if takes(part) else None


def _inability(part: MediaPart) -> str:
    if isinstance(part, ImagePart):
        return "this model does not see it"
    return (
        "this model does not hear it"
        if isinstance(part, AudioPart)
        else ("this model does not read it as it is")
    )


def _short(part: MediaPart) -> str:
    if isinstance(part, ImagePart):
        kind = "the image"
    elif isinstance(part, AudioPart):
        kind = "the recording"
    else:
        kind = "the video" if part.media_type.startswith("video/") else "the file"
    return f"{kind} {_one_line(part.name)}" if part.name else kind


def _named(part: MediaPart, *facts: str) -> str:
    where = [f"at {_one_line(part.url)}"] if part.url is not None else []
    told = ", ".join([_one_line(part.media_type), *facts, *where])
    short = _short(part)
    return f"{short[:1].upper()}{short[1:]} ({told})"


def _left_out(named: str, why: str) -> str:
    return f"[{named} is left out: {why}.]"


def _one_line(text: str) -> str:
    """A text of others with nothing in it that could end what is said of it."""
    return " ".join(text.split()).replace("[", "(").replace("]", ")")[:_LONGEST_NAME]


def _amount(size: int) -> str:
    if size < 1_000:
        return f"{size} bytes"
    return f"{size / 1e3:.0f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"
