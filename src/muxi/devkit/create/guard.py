"""Clears up after a maker that was killed. Run as a program of its own, without packages.

Its arguments are the folder that is being written, the folder that it shall become, where an older
one was set aside (or nothing), and folders that were made to hold it. It waits for its input to
end; if nobody said before that all is well, it removes what is unfinished.
"""

from __future__ import annotations

import os
import shutil
import sys


def main() -> None:
    """Wait for the end of the input, then clear up unless told that nothing is left to do."""
    unfinished, target, aside, *parents = sys.argv[1:]
    if sys.stdin.buffer.read():
        return
    shutil.rmtree(unfinished, ignore_errors=True)
    if aside and os.path.lexists(aside) and not os.path.lexists(target):
        os.rename(aside, target)  # noqa: PTH104 -- pathlib would double the time to start
    for parent in parents:
        try:
            os.rmdir(parent)  # noqa: PTH106 -- pathlib would double the time to start
        except OSError:
            return


if __name__ == "__main__":
    main()
