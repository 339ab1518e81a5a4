"""The entry of the `muxi` command, which ends quietly however early it is stopped.

Called by the console script and by `python -m muxi`. It must import nothing that takes time: what
is imported before `main` runs answers a Ctrl-C with a traceback.
"""

from __future__ import annotations

import gc
import os
import signal
import sys

_STOPPED = 130
_AGAIN_AFTER = 0.01
"""Seconds."""

_OBJECTS = 100_000
"""How many new objects make the interpreter look for garbage. What is imported is none: looking
through it each time that 700 more have come was a tenth of the start of a server."""


def main() -> None:
    """Run the command line of this process and leave with its exit code."""
    sys.unraisablehook = _interrupt_again
    gc.set_threshold(_OBJECTS)
    try:
        code = _run()
    except KeyboardInterrupt:
        code = _STOPPED

    def leave(number: int, frame: object) -> None:
        os._exit(code)

    # Everything is done and told: nobody need look through half a second's worth of objects for
    # circles before they go, and whoever stops the rest gets no more than the end of it.
    gc.freeze()
    signal.signal(signal.SIGINT, leave)
    sys.exit(code)


def _run() -> int:
    from muxi.cli import output
    from muxi.cli.commands import run

    output.tolerate_any_terminal()
    code = run()
    output.close()
    return int(code)


def _interrupt_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Repeat a Ctrl-C that fell into a callback of the interpreter, which swallows it."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    import _thread
    import threading

    threading.Timer(_AGAIN_AFTER, _thread.interrupt_main).start()
