"""Small pictures of images, for lists and for whoever need not have the whole.

Called by `files` off the event loop. An image that cannot be read, or that would take much memory
to be read, has none: it is kept and shown all the same.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

MEDIA_TYPE = "image/webp"

_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF")
"""Formats that Pillow reads without calling other programs."""

_MOST_PIXELS = 40_000_000
"""Of an image that is looked into: some 160 MB while it is."""


def thumbnail_of(path: Path, longest: int) -> bytes | None:
    """A picture of the image at `path`, at most so many pixels long; None if there can be none."""
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                return None
            # Lets JPEG be read at a fraction of its size.
            image.draft("RGB", (2 * longest, 2 * longest))
            small = ImageOps.exif_transpose(image)
            small.thumbnail((longest, longest))
            made = BytesIO()
            small.convert("RGBA" if _is_see_through(small.mode) else "RGB").save(
                made, "WEBP", quality=80
            )
            return made.getvalue()
    except (
        Image.DecompressionBombError,
        UnidentifiedImageError,
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    ):
        # What Pillow raises for broken images is of many kinds.
        return None


def _is_see_through(mode: str) -> bool:
    return mode in ("RGBA", "LA", "PA", "P", "La", "RGBa")
