"""Markdown: headings, paragraphs, lists, code and tables, with the lines where they stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from muxi.knowledge.blocks import Block, BlockKind, Task
from muxi.knowledge.readers.encoding import text_of

if TYPE_CHECKING:
    from markdown_it.token import Token


def read(task: Task) -> Iterator[Block]:
    """The blocks of a Markdown file."""
    return blocks(text_of(task.path))


def blocks(text: str, *, lines: bool = True) -> Iterator[Block]:
    """The blocks of `text`; with the lines where they stand, if these are the document's."""
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable("table")
    # Only the outline of blocks is wanted.
    parser.disable("inline")
    source = text.split("\n")
    skipped = _front_matter(source)
    tokens = parser.parse("\n".join([""] * skipped + source[skipped:]))
    for at, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        first, last = token.map
        while last > first + 1 and not source[last - 1].strip():
            last -= 1
        place = (first + 1, last) if lines else (None, None)
        if token.type == "heading_open":
            title = " ".join(tokens[at + 1].content.split())
            yield Block("heading", title, int(token.tag[1:]), None, *place)
        elif token.type == "table_open":
            yield from _rows(source, first, last, lines=lines)
        else:
            yield Block(_kind(token), "\n".join(source[first:last]).strip("\n"), 0, None, *place)


def _kind(token: Token) -> BlockKind:
    return "code" if token.type in ("fence", "code_block") else "text"


def _front_matter(source: list[str]) -> int:
    """Lines of settings for a site generator before the text."""
    if source[0].rstrip() != "---":
        return 0
    ends = (at for at, line in enumerate(source[1:200], 1) if line.rstrip() in ("---", "..."))
    return next(ends, -1) + 1


def _rows(source: list[str], first: int, last: int, *, lines: bool) -> Iterator[Block]:
    """A table has its header in the first line and a ruler in the second."""
    header = source[first].strip()
    for at in range(first + 2, last):
        row = source[at].strip()
        if row:
            place = (at + 1, at + 1) if lines else (None, None)
            yield Block("row", row, 0, None, *place, header=header)
