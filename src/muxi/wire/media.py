"""Images, sound and files on their way out, and words for those that a provider cannot take.

Used by the encoders of this room. For a provider, bytes of stored blobs must have been loaded.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import quote

from muxi.core.errors import InvalidInput
from muxi.core.messages import AudioPart, ImagePart, MediaPart


def encoded(part: MediaPart) -> str:
    """The bytes of `part` in base 64.

    Raises:
        InvalidInput: It has no bytes and no address: a blob that nobody loaded.
    """
    if part.data is None:
        raise InvalidInput(
            f"The bytes of {part.name or part.media_type} were not loaded.", blob=part.blob
        )
    return base64_of(part.data)


def base64_of(data: bytes) -> str:
    return b64encode(data).decode()


def address(part: MediaPart) -> str:
    """The URL of `part`, or its bytes as a `data:` URL (RFC 2397)."""
    return part.url or f"data:{part.media_type};base64,{encoded(part)}"


def shown_at(part: MediaPart) -> str:
    """Where a front end of ours finds `part`: elsewhere, here by its hash, or in the URL itself."""
    if part.blob is not None:
        return f"/api/blobs/{quote(part.blob, safe=':')}"
    return address(part)


def file_name(part: MediaPart) -> str:
    """The name of `part`, or one made of its type: some providers refuse files without one."""
    return part.name or f"file.{part.media_type.rpartition('/')[2].partition('+')[0] or 'bin'}"


def note(part: MediaPart) -> str:
    """What a model is told in place of something that its provider does not take.

    A thread that holds a recording stays usable with a model that hears nothing.
    """
    if isinstance(part, ImagePart):
        kind = "image"
    elif isinstance(part, AudioPart):
        kind = "audio recording"
    else:
        kind = "file"
    name = f" {part.name}" if part.name else ""
    return f"[The {kind}{name} ({part.media_type}) cannot be shown to this model.]"
