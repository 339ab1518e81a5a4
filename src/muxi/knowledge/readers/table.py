"""CSV and the like: rows below the names of their columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator

from muxi.knowledge.blocks import Block, Task
from muxi.knowledge.readers.encoding import text_of

_SAMPLE = 20_000
_FIELD = 10_000_000


def read(task: Task) -> Iterator[Block]:
    """The rows of a file, each with its line."""
    text = text_of(task.path)
    csv.field_size_limit(_FIELD)
    reader = csv.reader(text.splitlines(keepends=True), _dialect(text))
    header: str | None = None
    before = 0
    for cells in reader:
        first, before = before + 1, reader.line_num
        line = row(cells)
        if not line:
            continue
        if header is None:
            header = line
            continue
        yield Block("row", line, 0, None, first, before, header)
    if header is not None and before == 1:
        yield Block("text", header, 0, None, 1, 1)


def row(cells: Iterable[object]) -> str:
    """The cells of a row in one line; empty if they all are."""
    texts = [" ".join(str(cell).split()) for cell in cells]
    while texts and not texts[-1]:
        texts.pop()
    return " | ".join(texts)


def _dialect(text: str) -> type[csv.Dialect] | csv.Dialect:
    try:
        return csv.Sniffer().sniff(text[:_SAMPLE], delimiters=",;\t|")
    except csv.Error:
        return csv.excel_tab if "\t" in text[:_SAMPLE] else csv.excel
