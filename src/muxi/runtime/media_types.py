"""What a file is: told by its bytes, where they tell it, and never by its sender alone.

Called by `files` for everything that comes from outside.
"""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from muxi.core.files import FileKind

_HEAD = 4096
_TAIL = 512
_UNKNOWN = "application/octet-stream"
_SAME = {
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "audio/vnd.wave": "audio/wav",
    "audio/mp3": "audio/mpeg",
    "audio/x-m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
    "application/ogg": "audio/ogg",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "application/x-pdf": "application/pdf",
    "text/xml": "application/xml",
}
"""Other names of the same types, and what they are called here."""
_PLAIN = (
    "text/",
    "application/json",
    "application/xml",
    "application/yaml",
    "application/x-ndjson",
)
_PACKED = "application/vnd.openxmlformats-officedocument."
_DOCUMENTS = (
    "application/pdf",
    "application/msword",
    "application/vnd.ms-",
    "application/vnd.oasis.opendocument.",
    "application/epub",
    "application/rtf",
    *_PLAIN,
    _PACKED,
)
# Python's own table only: those of the machine may say anything.
_BY_NAME = mimetypes.MimeTypes()


def media_type_of(path: Path, *, name: str | None, declared: str | None) -> str:
    """The media type of a file.

    Args:
        path: Where it lies.
        name: What its sender calls it.
        declared: What its sender says that it is; believed only where its bytes allow it.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
        # Some kinds are marked at their end.
        file.seek(max(len(head), file.seek(0, os.SEEK_END) - _TAIL))
        marked = head + file.read()
    said = [_plain(each) for each in (declared, _by_name(name)) if each]
    return _found(marked, head, said)


def media_type_of_bytes(data: bytes, *, name: str | None) -> str:
    """As `media_type_of`, of bytes that are in memory."""
    return _found(data[:_HEAD] + data[-_TAIL:], data[:_HEAD], [_plain(_by_name(name) or "")])


def kind_of(media_type: str) -> FileKind:
    """What a message shows a file of this type as."""
    family = media_type.partition("/")[0]
    if family == "image" and media_type != "image/svg+xml":
        return "image"
    if family == "audio":
        return "audio"
    if family == "video":
        return "video"
    return "document" if media_type.startswith(_DOCUMENTS) else "other"


def is_plain(media_type: str) -> bool:
    """Whether bytes of this type are text as they are, without markup that hides it."""
    return media_type.startswith(_PLAIN) and media_type not in ("text/html", "text/rtf")


def _found(marked: bytes, head: bytes, said: Sequence[str]) -> str:
    """What it is: by its marks, by its first bytes, and by what is said of it, the likeliest."""
    found = _sniffed(marked)
    agreed = next((each for each in said if each in found), None)
    if agreed is not None:
        return agreed
    if _is_text(head):
        # Few kinds of text can be told by their first bytes, and a script is text too.
        return next((each for each in said if each.startswith(_PLAIN)), "text/plain")
    if not found:
        return _UNKNOWN
    return "application/zip" if found[0].startswith(_PACKED) else found[0]


def _sniffed(data: bytes) -> list[str]:
    """The types whose marks the bytes bear, the likeliest first."""
    import puremagic

    try:
        found: list[Any] = puremagic.magic_string(data)  # pyright: ignore[reportUnknownMemberType] -- the library is typed in part
    except (puremagic.PureError, ValueError):
        return []
    names = (_plain(str(each.mime_type)) for each in found)
    return [name for name in dict.fromkeys(names) if name]


def _is_text(head: bytes) -> bool:
    if b"\0" in head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The last character may have been cut.
        return error.start >= len(head) - 3 and len(head) == _HEAD
    return True


def _by_name(name: str | None) -> str | None:
    return _BY_NAME.guess_type(name)[0] if name else None


def _plain(media_type: str) -> str:
    plain = media_type.partition(";")[0].strip().lower()
    return _SAME.get(plain, plain)
