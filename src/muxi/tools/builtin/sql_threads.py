"""A database server that is asked in threads, one call and one connection at a time. The base of
the servers' accesses.

Drivers wait, and the event loop must not; whoever gives up stops the server's work, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from muxi.tools.builtin.sql_rows import Limits
from muxi.tools.worker import run_in_thread


class Call(Protocol):
    """One question, with a connection of its own."""

    def query(self, statement: str, limits: Limits) -> str:
        """The rows of a statement that reads, as text."""
        ...

    def execute(self, statement: str, limits: Limits) -> str:
        """What a statement did, as text."""
        ...

    def schema(self, table: str, limits: Limits) -> str:
        """The tables, or one of them, as text."""
        ...

    def stop(self) -> None:
        """Let the server give the question up; called from another thread."""
        ...


class ThreadedAccess:
    """One database of a server.

    Args:
        begin: Makes a fresh call.
    """

    def __init__(self, begin: Callable[[], Call]) -> None:
        self._begin = begin

    async def query(self, statement: str, limits: Limits) -> str:
        return await self._ask(lambda call: call.query(statement, limits))

    async def execute(self, statement: str, limits: Limits) -> str:
        return await self._ask(lambda call: call.execute(statement, limits))

    async def schema(self, table: str, limits: Limits) -> str:
        return await self._ask(lambda call: call.schema(table, limits))

    async def _ask(self, question: Callable[[Call], str]) -> str:
        call = self._begin()
        try:
            return await run_in_thread(question, call)
        except asyncio.CancelledError:
            await asyncio.shield(run_in_thread(call.stop))
            raise
