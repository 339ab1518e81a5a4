"""Office files are packed folders: how large would one become? Asked before one is unpacked."""

from __future__ import annotations

import zipfile

from muxi.knowledge.blocks import UnreadableDocument

_MOST = 400 << 20
"""Bytes that all files inside may take together; the process may not take more anyway."""
_MOST_TIMES = 200
"""How often larger it may become, where it becomes large; text packs to a tenth."""
_LARGE = 40 << 20


def check(path: str, *, old: bool = False) -> None:
    """Raise `UnreadableDocument` if the file is encrypted, broken, or would burst what opens it.

    Args:
        path: The file.
        old: Whether the formats of before 2007 can be read, too.
    """
    with open(path, "rb") as file:  # noqa: PTH123 -- the path is a text in this process
        start = file.read(8)
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        # The container of old Office files, in which new ones lie if they are encrypted.
        if old:
            return
        raise UnreadableDocument(
            "The file is encrypted, or of a format of before 2007.",
            "Save it anew without a password.",
        )
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, RuntimeError) as error:
        raise UnreadableDocument(f"The file is broken: {str(error)[:200]}.") from error
    size = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if any(entry.flag_bits & 1 for entry in entries):
        raise UnreadableDocument("The file is encrypted.", "Save it without a password.")
    if size > _MOST or (size > _LARGE and size > packed * _MOST_TIMES):
        raise UnreadableDocument(
            f"The file would unpack to {size >> 20} MB from {max(1, packed >> 20)} MB.",
            "Split it into smaller files.",
        )
