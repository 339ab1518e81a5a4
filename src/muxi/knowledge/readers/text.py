"""Plain text: paragraphs are what blank lines part."""

from __future__ import annotations

from collections.abc import Iterator

from muxi.knowledge.blocks import Block, Task
from muxi.knowledge.readers.encoding import text_of


def read(task: Task) -> Iterator[Block]:
    """The paragraphs of a text file, with their lines."""
    return paragraphs(text_of(task.path))


def paragraphs(text: str, *, page: int | None = None, lines: bool = True) -> Iterator[Block]:
    """The paragraphs of `text`; with the lines where they stand, if these are the document's."""
    held: list[str] = []
    first = 1
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            if not held:
                first = number
            held.append(line.rstrip())
        elif held:
            last = first + len(held) - 1
            place = (first, last) if lines else (None, None)
            yield Block("text", "\n".join(held), 0, page, *place)
            held = []
