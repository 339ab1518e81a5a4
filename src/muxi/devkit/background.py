"""An event loop in a thread of its own, for code that does not wait: tests, and Hypothesis.

Used by the pytest plugin and by `fuzz`, so that a session with a server serves code with any event
loop, or none.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, Self, TypeVar

R = TypeVar("R")


class BackgroundLoop:
    """A running event loop; a context manager that ends it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="muxi-kit", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Wait for `work`, which runs on this loop; its errors are raised here."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())


class Held(Generic[R]):
    """An asynchronous context manager that is held open by one task of a background loop.

    One task must both enter and leave it: task groups and time limits inside of it insist on that.
    """

    def __init__(self, loop: BackgroundLoop, manager: AbstractAsyncContextManager[R]) -> None:
        self._loop = loop
        self._manager = manager

    def __enter__(self) -> R:
        return self._loop.run(self._enter())

    def __exit__(self, *exc: object) -> None:
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
