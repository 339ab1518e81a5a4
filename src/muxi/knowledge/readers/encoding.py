"""Bytes of a text file into text. Called by the readers of text formats."""

from __future__ import annotations

import codecs
from pathlib import Path

from muxi.knowledge.blocks import UnreadableDocument

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_GUESSED = 100_000
"""Bytes from which an encoding that is not declared is guessed."""

_FOREIGN = 0.3
"""Share of bytes beyond ASCII from which on a text is not written in Latin letters."""


def text_of(path: str) -> str:
    """The text of a file, with line ends as `\\n`.

    Raises:
        UnreadableDocument: It is no text.
    """
    data = Path(path).read_bytes()
    text = _decoded(data)
    if "\0" in text[:10_000]:
        raise UnreadableDocument("This is not a text file.")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str:
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data.decode(name, "replace")
    try:
        return data.decode()
    except UnicodeDecodeError:
        pass
    if sum(byte > 127 for byte in data[:_GUESSED]) < _FOREIGN * len(data[:_GUESSED]):
        return data.decode("cp1252", "replace")
    from charset_normalizer import from_bytes

    found = from_bytes(data[:_GUESSED]).best()
    return data.decode(found.encoding if found is not None else "cp1252", "replace")
