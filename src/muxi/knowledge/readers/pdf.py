"""PDF: the text of each page, and the titles of its table of contents as headings."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from muxi.knowledge.blocks import Block, Task, UnreadableDocument
from muxi.knowledge.readers.text import paragraphs

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_MOST_PAGES = 20_000
_MOST_TITLES = 5_000
_PASSWORD, _SECURITY = 4, 5
"""Errors of FPDF_GetLastError."""
_HYPHEN = re.compile(r"[\x02\xad\ufffe]\n?")
"""How PDFium writes a hyphen that only the end of a line has brought about."""
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f]")


def read(task: Task) -> Iterator[Block]:
    """The paragraphs of every page.

    Raises:
        UnreadableDocument: It is encrypted, broken, or has no text.
    """
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(task.path)
        pages = len(document)
    except pypdfium2.PdfiumError as error:
        raise _refusal(error) from error
    if pages > _MOST_PAGES:
        raise UnreadableDocument(f"The document has {pages} pages, more than {_MOST_PAGES}.")
    titles = _titles(document)
    empty = True
    for number in range(1, pages + 1):
        for level, title in titles.get(number, ()):
            yield Block("heading", title, level, number)
        for block in paragraphs(_text(document, number), page=number, lines=False):
            empty = False
            yield block
    if empty:
        raise UnreadableDocument(
            "The document has no text; its pages may be images.",
            "Let a program for text recognition (OCR) add the text first.",
        )


def _text(document: PdfDocument, number: int) -> str:
    import pypdfium2

    try:
        page = document[number - 1]
        text = cast("Any", page.get_textpage())
        found: str = text.get_text_bounded()
        text.close()
        page.close()
    except pypdfium2.PdfiumError:
        # One damaged page does not hide the others.
        return ""
    plain = found.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROLS.sub("", _HYPHEN.sub("", plain))


def _titles(document: PdfDocument) -> dict[int, list[tuple[int, str]]]:
    """The titles of the table of contents with their levels, by page."""
    found: defaultdict[int, list[tuple[int, str]]] = defaultdict(list)
    for count, mark in enumerate(cast("Any", document).get_toc()):
        target = mark.get_dest()
        index = target.get_index() if target is not None else None
        title = " ".join(mark.get_title().split())
        if index is not None and title:
            found[index + 1].append((mark.level + 1, title[:200]))
        if count >= _MOST_TITLES:
            break
    return found


def _refusal(error: Exception) -> UnreadableDocument:
    if getattr(error, "err_code", None) in (_PASSWORD, _SECURITY):
        return UnreadableDocument(
            "The document is encrypted and needs a password.", "Save it without a password."
        )
    return UnreadableDocument("The document is no PDF, or broken.")
