"""Ctrl-C as a request to the event loop, never an exception in whatever happens to run.

Called by the commands that need a loop. Python's own way, `KeyboardInterrupt` at any line, would
hit callbacks and the tasks of a server, which take it for a fault of theirs and log a traceback.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

from muxi.cli import output
from muxi.cli.exits import ExitCode

T = TypeVar("T")

_AT_ONCE = 3
"""Presses of Ctrl-C after which nothing is waited for, not even the closing of what is open."""


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` in an event loop of its own. Ctrl-C cancels it, unless `heard_by` is in force.

    Raises:
        KeyboardInterrupt: It was cancelled so, and everything is closed.
    """
    pressed = 0
    main: asyncio.Task[Any] | None = None

    async def cancellable() -> T:
        nonlocal main
        main = asyncio.current_task()
        if pressed and main is not None:
            main.cancel()
        return await work

    def interrupt(number: int, frame: object) -> None:
        nonlocal pressed
        pressed += 1
        if pressed >= _AT_ONCE or (main is not None and main.done()):
            _leave()
        if main is not None:
            main.get_loop().call_soon_threadsafe(main.cancel)

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        with asyncio.Runner() as runner:
            return runner.run(cancellable())
    except asyncio.CancelledError:
        if not pressed:
            raise
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def heard_by(listener: Callable[[], None]) -> Generator[None]:
    """While the block runs, Ctrl-C calls `listener` in the event loop and does nothing else."""
    loop = asyncio.get_running_loop()

    def tell(number: int, frame: object) -> None:
        loop.call_soon_threadsafe(listener)

    before = signal.signal(signal.SIGINT, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _leave() -> NoReturn:
    """End this process: what was acknowledged is stored, the rest is taken up by a successor."""
    with suppress(RuntimeError):  # it was being written to
        output.close()
    os._exit(ExitCode.CANCELLED)
