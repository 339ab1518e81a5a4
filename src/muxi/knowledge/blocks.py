"""What a document consists of, whatever its format: blocks in reading order. Written by `readers`,
cut into pieces by `chunks`; they travel between the two processes as JSON.
"""

from __future__ import annotations

from typing import Literal

import msgspec

BlockKind = Literal["heading", "text", "row", "code"]


class Block(msgspec.Struct, array_like=True, omit_defaults=True):
    """A heading, a paragraph, a row of a table, or some lines of code."""

    kind: BlockKind
    text: str
    level: int = 0
    """Of a heading, from 1."""
    page: int | None = None
    first_line: int | None = None
    last_line: int | None = None
    header: str | None = None
    """Of a row: the names of the columns, which are repeated in every piece."""


class Failure(msgspec.Struct, tag="failure"):
    """The document cannot be read."""

    message: str
    hint: str | None = None


class End(msgspec.Struct, tag="end"):
    """All blocks have been given."""

    pages: int | None = None


class Task(msgspec.Struct):
    """One document for the converting process."""

    path: str
    reader: str
    """Name of the format, which is that of the module in `readers`."""
    name: str
    """The document's, for the reader of code."""
    seconds: int
    """Of processor time."""


class UnreadableDocument(Exception):
    """A reader found out why the document cannot be read."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
