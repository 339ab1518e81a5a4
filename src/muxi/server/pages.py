"""The dashboard's files, under a policy that lets no foreign code in. Called by the application.

They are built into `static` when the wheel is made; a checkout without them gets a page that says
how to build them.
"""

from __future__ import annotations

import mimetypes
import re
from html import escape
from pathlib import Path, PurePosixPath

from starlette.responses import FileResponse, HTMLResponse, Response

from muxi.core.errors import NotFound

STATIC = Path(__file__).parent / "static"

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
# Python's own table only: those of the machine may call a script plain text.
_TYPES = mimetypes.MimeTypes()
_FRESH = "no-cache"
# Vite writes a hash of the content into the names of these.
_FOREVER = "public, max-age=31536000, immutable"

_PLAIN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>muxi</title></head>
<body><h1>{title}</h1><p>{text}</p><p>{hint}</p></body></html>
"""


class Pages:
    """Finds the file of a path. Nothing outside the folder is ever given out."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder

    def find(self, path: str) -> Response:
        """The file at `path`; the dashboard itself for every path that is not a file's.

        Raises:
            NotFound: A file was asked for that is not there.
        """
        file = self._inside(path)
        if file is not None and _is_file(file):
            kept = _FOREVER if path.startswith("/assets/") else _FRESH
            return self._file(file, kept)
        if PurePosixPath(path).suffix:
            raise NotFound(f"There is no file at {path[:200]}.")
        index = self._folder / "index.html"
        if not index.is_file():
            return _plain(
                "muxi is running",
                "Its API is here, but this copy of muxi has no dashboard.",
                hint="In a checkout, `npm --prefix web ci && npm --prefix web run build` makes it.",
            )
        return self._file(index, _FRESH)

    def _inside(self, path: str) -> Path | None:
        if "\\" in path or "\0" in path:
            return None
        parts = PurePosixPath(path).parts[1:]
        if not parts or any(part.startswith(".") for part in parts):
            return None
        return self._folder.joinpath(*parts)

    def _file(self, file: Path, kept: str) -> Response:
        media_type = _TYPES.guess_type(file.name)[0] or "application/octet-stream"
        headers = {"cache-control": kept, "content-security-policy": _POLICY}
        return FileResponse(file, headers=headers, media_type=media_type)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        # A name that is longer than the system allows is no file's name.
        return False


def _plain(title: str, text: str, *, hint: str) -> Response:
    told = re.sub("`(.+?)`", r"<code>\1</code>", escape(hint))
    page = _PLAIN_PAGE.format(title=escape(title), text=escape(text), hint=told)
    headers = {"cache-control": "no-store", "content-security-policy": _POLICY}
    return HTMLResponse(page, 200, headers)
