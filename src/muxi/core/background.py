"""An event loop in a thread of its own, for code that does not wait.

Used by the sync face of the client, by the pytest plugin and by `fuzz`: a session with a server
then serves code with any event loop, or none.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Coroutine
from typing import Any, Self, TypeVar

from muxi.core.errors import InvalidInput

R = TypeVar("R")


class BackgroundLoop:
    """A running event loop; a context manager that ends it."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="muxi loop", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, work: Coroutine[Any, Any, R]) -> R:
        """Wait for `work`, which runs on this loop; its errors are raised here.

        Whoever is interrupted while waiting stops the work too.

        Raises:
            InvalidInput: This is another process than the one that made the loop, or a function
                that the loop calls: either would wait for ever.
        """
        if os.getpid() != self._process or threading.current_thread() is self._thread:
            work.close()
            raise InvalidInput(
                "This was opened by another process, or calls itself.",
                hint="Open another one in each process that was forked, and none in a callback.",
            )
        waiting = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return waiting.result()
        except BaseException:
            waiting.cancel()
            raise

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        pending = asyncio.all_tasks(self._loop)
        for task in pending:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
