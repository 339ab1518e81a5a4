"""Spreadsheets of all Excel formats and OpenDocument: rows below the names of their columns."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from typing import TYPE_CHECKING, Any, cast

from muxi.knowledge.blocks import Block, Task, UnreadableDocument
from muxi.knowledge.readers import unpacking
from muxi.knowledge.readers.table import row

if TYPE_CHECKING:
    from python_calamine import CalamineSheet


def read(task: Task) -> Iterator[Block]:
    """The rows of every sheet, each with its number; the sheet's name is a heading."""
    import python_calamine as calamine

    unpacking.check(task.path, old=True)
    try:
        book = cast("Any", calamine.CalamineWorkbook).from_path(task.path)
        for about in book.sheets_metadata:
            if about.typ == calamine.SheetTypeEnum.WorkSheet:
                yield from _sheet(book.get_sheet_by_name(about.name))
    except calamine.PasswordError:
        raise UnreadableDocument(
            "The workbook is protected by a password.", "Save it without a password."
        ) from None
    except calamine.CalamineError as error:
        raise UnreadableDocument(f"The workbook is broken: {str(error)[:200]}.") from error


def _sheet(sheet: CalamineSheet) -> Iterator[Block]:
    yield Block("heading", sheet.name, 1)
    header: str | None = None
    first = 0
    alone = True
    for number, cells in enumerate(sheet.iter_rows(), 1):
        line = row(map(_cell, cells))
        if not line:
            continue
        if header is None:
            header, first = line, number
            continue
        alone = False
        yield Block("row", line, 0, None, number, number, header)
    if header is not None and alone:
        yield Block("text", header, 0, None, first, first)


def _cell(value: object) -> object:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, datetime) and value.time() == time.min:
        return value.date()
    return value
