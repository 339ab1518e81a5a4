"""PowerPoint: each slide is a page, with its title, its texts, its tables and its notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from muxi.knowledge.blocks import Block, Task, UnreadableDocument
from muxi.knowledge.readers import unpacking
from muxi.knowledge.readers.table import row


def read(task: Task) -> Iterator[Block]:
    """The blocks of every slide."""
    import pptx
    from pptx.exc import PythonPptxError

    unpacking.check(task.path)
    try:
        slides = list(pptx.Presentation(task.path).slides)
    except (KeyError, ValueError, PythonPptxError, SyntaxError) as error:
        # What lxml finds wrong is a SyntaxError.
        raise UnreadableDocument("The file is no PowerPoint presentation, or broken.") from error
    for number, slide in enumerate(slides, 1):
        title = slide.shapes.title
        if title is not None and (text := " ".join(title.text_frame.text.split())):
            yield Block("heading", text, 1, number)
        own = None if title is None else title.shape_id
        shapes = [shape for shape in slide.shapes if shape.shape_id != own]
        yield from _shapes(shapes, number)
        if slide.has_notes_slide and (frame := slide.notes_slide.notes_text_frame) is not None:
            yield from _text(frame.text, number)


def _shapes(shapes: Iterable[Any], page: int) -> Iterator[Block]:
    for shape in shapes:
        if hasattr(shape, "shapes"):
            yield from _shapes(shape.shapes, page)
        elif shape.has_text_frame:
            yield from _text(shape.text_frame.text, page)
        elif getattr(shape, "has_table", False):
            yield from _table(shape.table, page)


def _table(table: Any, page: int) -> Iterator[Block]:
    lines = [line for each in table.rows if (line := row(cell.text for cell in each.cells))]
    for line in lines[1:]:
        yield Block("row", line, 0, page, header=lines[0])
    if len(lines) == 1:
        yield Block("text", lines[0], 0, page)


def _text(text: str, page: int) -> Iterator[Block]:
    plain = text.replace("\v", "\n").strip()
    if plain:
        yield Block("text", plain, 0, page)
