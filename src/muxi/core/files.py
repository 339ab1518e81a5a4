"""Files that people send: what is known of one, while it comes and once it is there.

Made by `runtime.files`, shown by doors. Its bytes are a blob; messages refer to it by its id.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from muxi.core.ids import new_id
from muxi.core.record import Record, now

FileKind = Literal["image", "audio", "video", "document", "other"]


class UploadedFile(Record):
    """A file that somebody sent, or is sending."""

    id: str = Field(default_factory=lambda: new_id("file"))
    name: str | None = None
    """Without folders."""
    media_type: str = "application/octet-stream"
    """What its bytes are; while it is being sent, what its sender says that they are."""
    kind: FileKind = "other"
    """What a message that refers to it shows it as."""
    size: int
    """Bytes of the whole file."""
    offset: int = 0
    """Bytes that have come."""
    status: Literal["open", "complete"] = "open"
    hash: str | None = None
    """`sha256:` and the hex digest of the content, once it is complete."""
    thumbnail: str | None = None
    """Hash of a small picture of it, if it is an image."""
    owner: str = ""
    created_at: datetime = Field(default_factory=now)
    expires_at: datetime | None = None
    """When it is dropped unless it is complete by then."""
