"""Asynchronous context managers that are held open for code that does not wait.

Used by the pytest plugin and by `fuzz`.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Generic, TypeVar

from muxi.core.background import BackgroundLoop

R = TypeVar("R")


class Held(Generic[R]):
    """An asynchronous context manager that is held open by one task of a background loop.

    One task must both enter and leave it: task groups and time limits inside of it insist on that.
    """

    def __init__(self, loop: BackgroundLoop, manager: AbstractAsyncContextManager[R]) -> None:
        self._loop = loop
        self._manager = manager

    def __enter__(self) -> R:
        return self._loop.run(self._enter())

    def __exit__(self, *failure: object) -> None:
        self._loop.run(self._leave())

    async def _enter(self) -> R:
        entered: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._over = asyncio.Event()
        self._task = asyncio.create_task(self._hold(entered))
        return await entered

    async def _hold(self, entered: asyncio.Future[R]) -> None:
        try:
            async with self._manager as value:
                entered.set_result(value)
                await self._over.wait()
        except Exception as error:
            if entered.done():
                raise
            entered.set_exception(error)

    async def _leave(self) -> None:
        self._over.set()
        await self._task
