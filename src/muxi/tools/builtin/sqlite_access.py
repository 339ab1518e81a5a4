"""SQLite for the tools `sql`: asked in a process of its own, so that every bound is kept.

The file is opened read-only for queries, and `sqlite_worker` lets SQLite refuse all that is not
reading. When the time is over, or nobody waits any more, the process is killed.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

from muxi.core.errors import ToolArgumentsInvalid, ToolFailed, ToolTimeout
from muxi.tools.builtin.programs import Bounds, plain_environment, run_program
from muxi.tools.builtin.sql_rows import (
    MAX_CELL,
    Limits,
    first_word,
    plain_statement,
    reading_statement,
    written_table,
)
from muxi.tools.worker import run_in_thread

_WORKER = Path(__file__).with_name("sqlite_worker.py")
_PATIENCE = 5.0
"""Seconds that a call waits for others to release the file."""


class SqliteAccess:
    """One database file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    async def query(self, statement: str, limits: Limits) -> str:
        asked = reading_statement(statement)
        found = await self._work(asked, limits, plain=first_word(asked) == "explain")
        return written_table(found["names"], found["rows"], limits)

    async def execute(self, statement: str, limits: Limits) -> str:
        found = await self._work(plain_statement(statement), limits, writes=True)
        told = f"Done. {found['changed']} rows changed."
        if not found["names"]:
            return told
        return f"{told}\n{written_table(found['names'], found['rows'], limits)}"

    async def schema(self, table: str, limits: Limits) -> str:
        return await run_in_thread(self._schema, table, limits)

    def _schema(self, table: str, limits: Limits) -> str:
        from sqlalchemy import create_engine
        from sqlalchemy.exc import DatabaseError
        from sqlalchemy.pool import StaticPool

        from muxi.tools.builtin.sql_schema import reflected, written_schema

        address = f"{self._place()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, check_same_thread=False)) as opened:
            engine = create_engine("sqlite://", creator=lambda: opened, poolclass=StaticPool)
            try:
                with engine.connect() as connection:
                    return written_schema(reflected(connection), table, max_text=limits.text)
            except DatabaseError as error:
                raise _refused(str(error.orig)) from error

    def _place(self) -> str:
        if not self._file.is_file():
            raise ToolFailed("The database file does not exist.", hint="")
        return self._file.absolute().as_uri()

    async def _work(
        self, statement: str, limits: Limits, *, plain: bool = False, writes: bool = False
    ) -> dict[str, Any]:
        """What the worker answers to one task."""
        task = {
            "file": self._place(),
            "statement": statement,
            "plain": plain,
            "writes": writes,
            "rows": limits.rows,
            "text": limits.text,
            "cell": MAX_CELL + 1,
            "patience": min(_PATIENCE, limits.seconds),
        }
        done = await run_program(
            [sys.executable, "-I", "-S", str(_WORKER)],
            folder=self._file.parent,
            environment=plain_environment(),
            bounds=Bounds(seconds=limits.seconds, output=20 * limits.text + 1_000_000),
            given=json.dumps(task).encode(),
        )
        if done.ended == "time":
            words = f"The statement took longer than {limits.seconds:g} s."
            raise ToolTimeout(words, hint="Ask for less.")
        try:
            answer: dict[str, Any] = json.loads(done.output)
        except ValueError as error:
            raise ToolFailed("SQLite could not answer: out of memory, or broken.") from error
        if "error" in answer:
            raise _refused(answer["error"])
        return answer


def _refused(words: str) -> ToolArgumentsInvalid:
    if any(sign in words for sign in ("not authorized", "prohibited", "readonly")):
        return ToolArgumentsInvalid(
            "The statement does something that is not allowed here.", hint="Only read tables."
        )
    return ToolArgumentsInvalid(
        f"SQLite refused: {words[:500]}",
        hint="Give one statement; see sql_schema for tables and columns.",
    )
