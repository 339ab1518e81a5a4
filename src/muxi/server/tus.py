"""The headers of tus 1.0 (https://tus.io/protocols/resumable-upload), by which files are resumed.

Used by `files`: read from requests, written into answers. Of the protocol's extensions there are
creation, creation-with-upload, expiration, checksum (sha256) and termination.
"""

from __future__ import annotations

import base64
import binascii
from email.utils import format_datetime

from muxi.core.errors import InvalidInput
from muxi.core.files import UploadedFile
from muxi.server.operations import Headers
from muxi.server.problems import Refused

VERSION = b"1.0.0"
MEDIA_TYPE = "application/offset+octet-stream"
EXTENSIONS = b"creation,creation-with-upload,expiration,checksum,termination"

_MOST_BYTES = 2**53
_NAMES = {"name": "name", "filename": "name", "type": "type", "filetype": "type"}
"""What clients call a file's name and type."""


def is_spoken(headers: Headers) -> bool:
    """Whether the client speaks tus.

    Raises:
        Refused: It speaks another version.
    """
    spoken = headers.get(b"tus-resumable")
    if spoken is None:
        return False
    if spoken.strip() != VERSION:
        error = InvalidInput("This server speaks version 1.0.0 of tus.")
        raise Refused(412, error, ((b"tus-version", VERSION),))
    return True


def number(headers: Headers, name: str) -> int:
    """A header that is a number of bytes.

    Raises:
        InvalidInput: It is missing, or no such number.
    """
    text = headers.get(name.lower().encode(), b"").strip()
    if not text.isdigit() or len(text) > 16 or int(text) > _MOST_BYTES:
        raise InvalidInput(f"`{name}` is missing or no number of bytes.")
    return int(text)


def metadata(headers: Headers) -> dict[str, str]:
    """What `Upload-Metadata` says of the file's `name` and `type`.

    Raises:
        InvalidInput: It is not written as tus says.
    """
    found: dict[str, str] = {}
    text = headers.get(b"upload-metadata", b"").decode("latin-1")
    for pair in filter(None, (each.strip() for each in text.split(","))):
        key, _, value = pair.partition(" ")
        try:
            plain = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise InvalidInput("`Upload-Metadata` holds a value that is no base 64.") from None
        if key in _NAMES:
            found.setdefault(_NAMES[key], plain)
    return found


def checksum(headers: Headers) -> bytes | None:
    """The SHA-256 that `Upload-Checksum` announces.

    Raises:
        InvalidInput: It is of another algorithm, or is not written as tus says.
    """
    header = headers.get(b"upload-checksum")
    if header is None:
        return None
    algorithm, _, value = header.strip().partition(b" ")
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if algorithm.lower() != b"sha256" or len(digest) != 32:
        raise InvalidInput("`Upload-Checksum` is no `sha256` with a digest in base 64.")
    return digest


def progress(file: UploadedFile) -> dict[str, str]:
    """The headers that say how much of a file has come."""
    told = {
        "tus-resumable": VERSION.decode(),
        "upload-offset": str(file.offset),
        "upload-length": str(file.size),
        "cache-control": "no-store",
    }
    if file.expires_at is not None:
        told["upload-expires"] = format_datetime(file.expires_at, usegmt=True)
    return told


def abilities(largest: int) -> dict[str, str]:
    """The headers that say what this server can do."""
    return {
        "tus-resumable": VERSION.decode(),
        "tus-version": VERSION.decode(),
        "tus-extension": EXTENSIONS.decode(),
        "tus-checksum-algorithm": "sha256",
        "tus-max-size": str(largest),
    }
