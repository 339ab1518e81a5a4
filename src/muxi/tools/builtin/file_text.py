"""Reads, changes and writes the text of one file. Used by the tools `files`.

What is read is bounded before it is read; a file that is no text is never handed out as one.
"""

from __future__ import annotations

import codecs
import difflib
import io
import os
from dataclasses import dataclass

from muxi.core.errors import ToolArgumentsInvalid, ToolFailed
from muxi.core.messages import ImagePart
from muxi.core.record import clean
from muxi.tools.builtin.rooted import Spot, shown
from muxi.tools.content import to_content

_SNIFFED = 8_192
_PIECE = 65_536
_MAX_SCANNED = 200_000_000
"""Bytes that are passed over to reach a line."""
_MAX_IMAGE = 5_000_000


@dataclass(frozen=True, slots=True)
class Lines:
    """Some lines of a file."""

    text: str
    first: int
    """Number of the first of them, from 1."""
    last: int
    cut: bool
    """Whether the last of them is longer than what is shown of it."""
    more: bool
    """Whether more text follows."""


def image(spot: Spot) -> ImagePart | None:
    """The picture that lies at `spot`; None if it is none, or too large to be shown."""
    with spot.opened() as descriptor:
        if os.fstat(descriptor).st_size > _MAX_IMAGE:
            return None
        if not _is_binary(os.pread(descriptor, _SNIFFED, 0)):
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            (part,) = to_content("read_file", file.read(_MAX_IMAGE), max_bytes=0)
    return part if isinstance(part, ImagePart) else None


def read_lines(spot: Spot, *, first: int, count: int, max_bytes: int) -> Lines:
    """Lines of a file, as many as fit.

    Raises:
        ToolFailed: It is no file, or no text.
        ToolArgumentsInvalid: There is no such line.
    """
    with spot.opened() as descriptor, os.fdopen(os.dup(descriptor), "rb") as raw:
        head = os.pread(descriptor, _SNIFFED, 0)
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            text = raw.read(_MAX_IMAGE).decode("utf-16", "replace")
            inner = io.BytesIO(text.encode())
            return _lines(inner, spot, first=first, last=first + count, max_bytes=max_bytes)
        if _is_binary(head):
            size = os.fstat(descriptor).st_size
            raise ToolFailed(f"`{shown(spot.path)}` is no text, but a file of {size:,} bytes.")
        return _lines(raw, spot, first=first, last=first + count, max_bytes=max_bytes)


def _lines(file: io.BufferedIOBase, spot: Spot, *, first: int, last: int, max_bytes: int) -> Lines:
    """The lines from `first` to before `last`, as many as fit."""
    taken: list[bytes] = []
    room = max_bytes
    number = 1
    passed = 0
    while number < last and room > 0 and (piece := file.readline(_PIECE)):
        passed += len(piece)
        if number >= first:
            taken.append(piece[:room])
            room -= len(piece)
        elif passed > _MAX_SCANNED:
            raise ToolArgumentsInvalid(
                f"Line {first} lies beyond the first {_MAX_SCANNED // 1_000_000} MB.",
                hint="Search for what is of interest instead.",
            )
        number += piece.endswith(b"\n")
    if not taken and first > 1:
        raise ToolArgumentsInvalid(
            f"`{shown(spot.path)}` has less than {first} lines.", hint="Begin earlier."
        )
    text = b"".join(taken)
    cut = room < 0
    return Lines(
        text=clean(text.decode("utf-8-sig", "ignore" if cut else "replace")),
        first=first,
        last=first + max(0, len(text.split(b"\n")) - 1 - text.endswith(b"\n")),
        cut=cut,
        more=cut or bool(file.read(1)),
    )


def whole(spot: Spot, *, max_bytes: int) -> str:
    """All text of a file, with its line ends as they are.

    Raises:
        ToolFailed: It is no file, too large, or not written in UTF-8.
    """
    with spot.opened() as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
        data = file.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise ToolFailed(f"`{shown(spot.path)}` is larger than {max_bytes:,} bytes.")
    try:
        if _is_binary(data[:_SNIFFED]):
            raise ToolFailed(f"`{shown(spot.path)}` is no text.")
        return data.decode()
    except UnicodeDecodeError as error:
        raise ToolFailed(
            f"`{shown(spot.path)}` is not written in UTF-8, so it cannot be edited."
        ) from error


def changed(text: str, old: str, new: str, *, everywhere: bool) -> tuple[str, int]:
    """`text` with `old` replaced, and how often.

    A file with the line ends of Windows keeps them, whichever the model writes.

    Raises:
        ToolArgumentsInvalid: `old` is not there, or several times and not all of them are meant.
    """
    if not old:
        raise ToolArgumentsInvalid("`old_text` is empty.", hint="Give the text to replace.")
    if "\r\n" in text:
        old, new = (each.replace("\r\n", "\n").replace("\n", "\r\n") for each in (old, new))
    count = text.count(old)
    if count == 0:
        raise ToolArgumentsInvalid("`old_text` is not in the file.", hint=_nearest(text, old))
    if count > 1 and not everywhere:
        raise ToolArgumentsInvalid(
            f"`old_text` is {count} times in the file.",
            hint="Give more of the text around it, or set `all_occurrences`.",
        )
    return text.replace(old, new), count


def _nearest(text: str, old: str) -> str:
    """What in the file is most like the first line that was sought."""
    wanted = next((line.strip() for line in old.splitlines() if line.strip()), "")[:200]
    lines = {line.strip()[:200]: None for line in text.splitlines()[:5_000] if line.strip()}
    near = difflib.get_close_matches(wanted, lines, n=1, cutoff=0.5)
    return f"The nearest line is: {near[0]}" if near else "Read the file first."


def _is_binary(head: bytes) -> bool:
    return b"\0" in head
