"""Puts ids in place of bytes that the provider keeps. Used by `hosted`.

An id that the provider has forgotten is given up once, and the bytes are sent there again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from muxi.core.errors import ModelError
from muxi.core.keeping import FileStore, Original, Upload
from muxi.core.messages import (
    AudioPart,
    ImagePart,
    KeptPart,
    MediaPart,
    Message,
    Part,
    Role,
    ToolResultPart,
    media,
)
from muxi.core.requests import ModelRequest

P = TypeVar("P", bound=Part)

ById = Callable[[Role, MediaPart], bool]
"""Whether a format can name a part by its id."""

_REFUSALS = frozenset({400, 403, 404, 410, 422})
_UNKNOWN_FILE = re.compile(
    r"file.{0,300}(?:not (?:be )?found|not exist|no longer|expired|deleted|no permission|not have"
    r" permission)|no such file|file_expired|(?:not find|unknown|invalid) file",
    re.IGNORECASE | re.DOTALL,
)


class Placing:
    """One question to a model, with the ids of what its provider keeps.

    Args:
        store: Where the provider keeps files.
        by_id: What the format can name by its id.
    """

    def __init__(self, store: FileStore, by_id: ById) -> None:
        self._store = store
        self._by_id = by_id
        self._placed: dict[str, Original] = {}
        self._again = True

    @property
    def any(self) -> bool:
        """Whether an id stands in the request."""
        return bool(self._placed)

    async def of(self, request: ModelRequest) -> ModelRequest:
        """The request with ids in place of bytes, as far as they are kept."""
        messages: list[Message] = []
        for message in request.messages:
            if any(part.original is not None for part in media(message.parts)):
                parts = await self._parts(message.role, message.parts)
                messages.append(message.model_copy(update={"parts": parts}))
            else:
                messages.append(message)
        return request.model_copy(update={"messages": messages})

    async def gave_up(self, error: ModelError) -> bool:
        """Whether the request failed for an id that the provider has forgotten, for the first time.

        What it was is forgotten here too, so that `of` sends the bytes to the provider again.
        """
        if not self._again or not self._placed:
            return False
        named = [each for each in self._placed if _short(each) in error.message]
        refused = error.details.get("status") in _REFUSALS
        if not named and not (refused and _UNKNOWN_FILE.search(error.message)):
            return False
        self._again = False
        for file_id in named or list(self._placed):
            await self._placed.pop(file_id).lost_by(self._store, file_id)
        return True

    async def _parts(self, role: Role, parts: Sequence[P]) -> list[P]:
        placed: list[Part] = []
        for part in parts:
            if isinstance(part, MediaPart):
                placed.append(await self._one(role, part))
            elif isinstance(part, ToolResultPart):
                content = await self._parts(role, part.content)
                placed.append(part.model_copy(update={"content": content}))
            else:
                placed.append(part)
        return cast("list[P]", placed)

    async def _one(self, role: Role, part: MediaPart) -> MediaPart:
        original, data = part.original, part.data
        if original is None or data is None or not self._by_id(role, part):
            return part
        kind = "image" if isinstance(part, ImagePart) else "file"
        upload = Upload(
            data=data,
            kind="audio" if isinstance(part, AudioPart) else kind,
            media_type=part.media_type,
            name=part.name,
        )
        file_id = await original.kept_by(self._store, upload)
        if file_id is None:
            return part
        self._placed[file_id] = original
        return KeptPart(kind=upload.kind, id=file_id, media_type=part.media_type, name=part.name)


def _short(file_id: str) -> str:
    """What of an id providers say in their errors: of an address, its end."""
    return file_id.rpartition("/")[2]
