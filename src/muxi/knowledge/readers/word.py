"""Word: paragraphs, headings and tables; pages where Word has noted them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from muxi.knowledge.blocks import Block, Task, UnreadableDocument
from muxi.knowledge.readers import unpacking
from muxi.knowledge.readers.table import row

if TYPE_CHECKING:
    from docx.table import Table
    from docx.text.paragraph import Paragraph

_HEADING = re.compile(r"(?:heading|title)\s*(\d?)", re.IGNORECASE)


def read(task: Task) -> Iterator[Block]:
    """The blocks of a document in their order."""
    import docx
    from docx.exceptions import PythonDocxError
    from docx.table import Table

    unpacking.check(task.path)
    try:
        document = docx.Document(task.path)
    except (KeyError, ValueError, PythonDocxError, SyntaxError) as error:
        # What lxml finds wrong is a SyntaxError.
        raise UnreadableDocument("The file is no Word document, or broken.") from error
    breaks = 0
    parts = list(document.iter_inner_content())
    paged = any(not isinstance(part, Table) and part.rendered_page_breaks for part in parts)
    for part in parts:
        page = breaks + 1 if paged else None
        if isinstance(part, Table):
            yield from _table(part, page)
        else:
            yield from _paragraph(part, page)
            breaks += len(part.rendered_page_breaks)


def _paragraph(part: Paragraph, page: int | None) -> Iterator[Block]:
    text = part.text.strip()
    if not text:
        return
    # A page that ends before a paragraph's first word is noted inside of the paragraph.
    if page is not None and part.rendered_page_breaks:
        before = part.rendered_page_breaks[0].preceding_paragraph_fragment
        if before is None or not before.text.strip():
            page += 1
    style = part.style.name if part.style is not None else None
    named = _HEADING.match(style or "")
    if named:
        level = int(named[1]) if named[1] else 1
        yield Block("heading", " ".join(text.split()), level, page)
    else:
        yield Block("text", text, 0, page)


def _table(table: Table, page: int | None) -> Iterator[Block]:
    header: str | None = None
    for each in table.rows:
        # A cell that spans several columns is given once for each.
        elements = [cast("Any", cell)._element for cell in each.cells]  # noqa: SLF001 -- tells cells apart
        cells = zip(each.cells, [None, *elements], elements, strict=False)
        line = row(cell.text for cell, before, element in cells if element is not before)
        if line and header is None:
            header = line
        elif line:
            yield Block("row", line, 0, page, header=header)
    if header is not None and len(table.rows) == 1:
        yield Block("text", header, 0, page)
