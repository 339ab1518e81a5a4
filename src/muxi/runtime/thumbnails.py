"""Smaller pictures of images: for lists, and for models that take no larger ones.

Called by `files` and `media_texts` off the event loop. An image that cannot be read, or that would
take much memory to be read, has none: it is kept and shown all the same.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

MEDIA_TYPE = "image/webp"
"""Of small pictures for lists."""
COMMON = "image/jpeg"
"""A type that every model takes that sees."""

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
"""Formats that Pillow reads without calling other programs."""

_MOST_PIXELS = 40_000_000
"""Of an image that is looked into: some 160 MB while it is."""


def thumbnail_of(path: Path, longest: int) -> bytes | None:
    """A picture of the image at `path`, at most so many pixels long; None if there can be none."""
    made = _made(path, longest, solid="WEBP", see_through="WEBP")
    return None if made is None else made[0]


def smaller_of(path: Path, longest: int) -> tuple[bytes, str] | None:
    """As `thumbnail_of`, in a format that models take, and its media type."""
    return _made(path, longest, solid="JPEG", see_through="PNG")


def size_of(path: Path) -> tuple[int, int] | None:
    """Pixels of an image, across and down; None if it cannot be read."""
    from PIL import Image

    try:
        with Image.open(path, formats=_FORMATS) as image:
            return image.size
    except _broken():
        return None


def _made(path: Path, longest: int, *, solid: str, see_through: str) -> tuple[bytes, str] | None:
    from PIL import Image, ImageOps

    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            # Lets JPEG be read at a fraction of its size.
            image.draft("RGB", (2 * longest, 2 * longest))
            small = ImageOps.exif_transpose(image)
            small.thumbnail((longest, longest))
            clear = _is_see_through(small.mode)
            kind = see_through if clear else solid
            made = BytesIO()
            small.convert("RGBA" if clear else "RGB").save(made, kind, quality=80)
            return made.getvalue(), f"image/{kind.lower()}"
    except _broken():
        return None


def _broken() -> tuple[type[Exception], ...]:
    """What Pillow raises for broken images, which is of many kinds."""
    from PIL import Image, UnidentifiedImageError

    return (
        Image.DecompressionBombError,
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    )


def _is_see_through(mode: str) -> bool:
    return mode in ("RGBA", "LA", "PA", "P", "La", "RGBa")
