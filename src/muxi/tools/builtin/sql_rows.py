"""What a statement gave, and how it is written for a model. Shared by the databases of `sql`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.record import clean

MAX_STATEMENT = 50_000
MAX_CELL = 1_000
"""Characters of one value that leave the database."""
_SPACE = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/|\()+", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_READING = ("select", "with", "values", "table", "explain", "show")


@dataclass(frozen=True, slots=True)
class Limits:
    """What one statement may take."""

    seconds: float
    rows: int
    text: int
    """Bytes of the table that is written."""


class Access(Protocol):
    """One database. A call that is cancelled ends what the database does for it."""

    async def query(self, statement: str, limits: Limits) -> str:
        """The rows of a statement that can change nothing, as a table."""
        ...

    async def execute(self, statement: str, limits: Limits) -> str:
        """Make a change, and say how many rows it touched."""
        ...

    async def schema(self, table: str, limits: Limits) -> str:
        """The tables with their columns, or one of them."""
        ...


def plain_statement(text: str) -> str:
    """One statement without the semicolon at its end. Raises `ToolArgumentsInvalid`."""
    statement = clean(text).strip().rstrip(";").rstrip()
    if not statement or len(statement) > MAX_STATEMENT or "\0" in statement:
        raise ToolArgumentsInvalid(f"A statement has 1 to {MAX_STATEMENT:,} characters.")
    return statement


def first_word(statement: str) -> str:
    """The word that a statement begins with, behind comments and brackets, in lower case."""
    space = _SPACE.match(statement)
    word = _WORD.match(statement, space.end() if space else 0)
    return word[0].lower() if word else ""


def reading_statement(text: str) -> str:
    """A statement that asks for rows. The database itself sees to it that it changes nothing.

    Raises:
        ToolArgumentsInvalid: It is none, which the model is told in words it can act on.
    """
    statement = plain_statement(text)
    if first_word(statement) not in _READING:
        raise ToolArgumentsInvalid(
            "Only statements that read are possible here: SELECT, WITH, VALUES, EXPLAIN.",
            hint="Write a SELECT.",
        )
    return statement


def written_table(names: Sequence[str], rows: Iterable[Sequence[Any]], limits: Limits) -> str:
    """Rows as a table in Markdown, as many as fit, with a notice if there are more."""
    lines = [_line(names), _line(["---"] * len(names))]
    room = limits.text - sum(len(line.encode()) + 1 for line in lines)
    count = 0
    more = False
    for row in rows:
        line = _line(map(_cell, row))
        room -= len(line.encode()) + 1
        if count == limits.rows or (room < 0 and count):
            more = True
            break
        lines.append(line)
        count += 1
    said = "1 row" if count == 1 else f"{count} rows"
    notice = f"The first {said}; there are more. Ask for less, or for a summary." if more else said
    return "\n".join([*lines, f"({notice})"])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: Any) -> str:
    if value is None:
        return "NULL"
    text = clean(str(value))
    cut = f"{text[:MAX_CELL]}…" if len(text) > MAX_CELL else text
    return cut.replace("\\", "\\\\").replace("|", "\\|").replace("\r", "").replace("\n", "\\n")
