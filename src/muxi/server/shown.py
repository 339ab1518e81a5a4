"""How bytes from anywhere are given to browsers: as what they are if that is harmless, never run.

Used by the resource files that give out what people, tools and models have sent.
"""

from __future__ import annotations

_SHOWN = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "audio/mpeg",
        "audio/wav",
        "audio/ogg",
        "audio/webm",
        "audio/mp4",
        "audio/flac",
        "video/mp4",
        "video/webm",
        "text/plain",
    }
)


def shown_as(media_type: str) -> tuple[str, dict[str, str]]:
    """The media type that bytes of this one are sent as, and the headers that go with them."""
    shown = media_type in _SHOWN
    headers = {
        "cache-control": "private, max-age=31536000, immutable",
        "content-security-policy": "default-src 'none'; sandbox",
        "content-disposition": "inline" if shown else "attachment",
    }
    return (media_type if shown else "application/octet-stream"), headers
