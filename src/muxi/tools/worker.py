"""Worker threads for sync tools. Used by `function`.

`concurrent.futures` waits for its threads when the program ends, so one tool that hangs would keep
the process alive, and its pool is shared with name resolution. These threads are daemons and serve
tools alone.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_MAX_THREADS = 128
"""Tools that run at once; a further call waits for one of them."""
_IDLE_SECONDS = 10.0

_Job = Callable[[], None]


class _Pool:
    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._idle = 0
        self._threads = 0

    def submit(self, job: _Job) -> None:
        with self._lock:
            self._jobs.append(job)
            if self._idle >= len(self._jobs):
                self._lock.notify()
                return
            if self._threads >= _MAX_THREADS:
                return
            self._threads += 1
        threading.Thread(target=self._work, name="muxi-tool", daemon=True).start()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            job()

    def _next(self) -> _Job | None:
        with self._lock:
            while not self._jobs:
                self._idle += 1
                woken = self._lock.wait(_IDLE_SECONDS)
                self._idle -= 1
                if not woken and not self._jobs:
                    self._threads -= 1
                    return None
            return self._jobs.popleft()


_pool = _Pool()


async def run_in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Call `function` in a worker thread, with this task's context variables.

    When the caller is cancelled the thread goes on, since no thread can be stopped, and its result
    is dropped.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[R] = loop.create_future()
    context = contextvars.copy_context()

    def job() -> None:
        result: Any = None
        failure: BaseException | None = None
        try:
            result = context.run(function, *args, **kwargs)
        except StopIteration as error:  # a future cannot carry it
            failure = RuntimeError(repr(error))
            failure.__cause__ = error
        except BaseException as error:  # noqa: BLE001 -- the boundary of the thread: whatever was raised belongs to the caller
            failure = error
        try:
            loop.call_soon_threadsafe(_deliver, future, result, failure)
        except RuntimeError:
            return  # the loop was closed; nobody waits any more

    _pool.submit(job)
    return await future


def _deliver(future: asyncio.Future[Any], result: Any, failure: BaseException | None) -> None:
    if future.done():
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)
