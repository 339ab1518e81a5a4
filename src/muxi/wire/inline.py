"""Bytes and addresses that clients put into their messages. Used by the readers of this room."""

from __future__ import annotations

import binascii
from base64 import b64decode
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from muxi.core.errors import InvalidInput
from muxi.core.messages import FilePart, MediaPart

M = TypeVar("M", bound=MediaPart)

_UNKNOWN = "application/octet-stream"


def linked(kind: type[M], url: str, *, where: str, otherwise: str = _UNKNOWN) -> M:
    """What lies at `url`, or in it.

    Args:
        kind: What it is to be.
        url: An address for the model's provider to fetch, or a `data:` URL (RFC 2397).
        where: The place of the URL, for errors.
        otherwise: The media type, where the URL does not say.

    Raises:
        InvalidInput: It is neither, or its data cannot be read.
    """
    scheme, _, rest = url.partition(":")
    if scheme.lower() in ("http", "https"):
        return kind(media_type=otherwise, url=url)
    if scheme.lower() != "data":
        raise InvalidInput(f"{where}: This is no http, https or data URL.", param=where)
    head, comma, data = rest.partition(",")
    if not comma:
        raise InvalidInput(f"{where}: This data URL has no data.", param=where)
    media_type, *marks = head.split(";")
    encoded = "base64" in marks
    content = decoded(data, where=where) if encoded else unquote_to_bytes(data)
    return kind(media_type=media_type or otherwise, data=content)


def decoded(text: str, *, where: str) -> bytes:
    """What `text` holds in base 64. Raises `InvalidInput`."""
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput(f"{where}: This is not base 64.", param=where) from None


def attached(*, id: str | None, data: str | None, name: str | None, where: str) -> MediaPart:
    """A file of the client: one that it uploaded before, or one that it sends along.

    Raises:
        InvalidInput: There is neither, or both, or the data cannot be read.
    """
    if (id is None) == (data is None):
        raise InvalidInput(f"{where}: Give a file's id or its data, one of both.", param=where)
    if id is not None:
        # What it is, and whether it is there at all, is seen when the run begins.
        return FilePart(media_type=_UNKNOWN, file_id=id, name=name)
    assert data is not None, "one of both is given"
    if data.startswith("data:"):
        part = linked(FilePart, data, where=where)
    else:
        part = FilePart(media_type=_type_of(name), data=decoded(data, where=where))
    part.name = name and name.rpartition("/")[2].rpartition("\\")[2]
    return part


def _type_of(name: str | None) -> str:
    import mimetypes

    return mimetypes.guess_type(name or "")[0] or _UNKNOWN
