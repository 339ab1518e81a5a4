"""How many files and connections this process may hold open at once. Called by `serve` and doctor.

Systems give a process few to begin with, such as 256 or 1,024, for the sake of programs that call
select(2), which knows no higher numbers. A server that waits by epoll or kqueue may take more.
"""

from __future__ import annotations

import sys

ENOUGH = 65_536
"""More is not taken: some programs that a tool starts walk through all numbers they may use."""

_MACOS = 10_240
"""What macOS allows a process that asks for more, although it names no limit."""


def attainable() -> int:
    """The number that `raise_limit` leads to, as far as it can be known; 0 on other than POSIX."""
    if sys.platform == "win32":
        return 0
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(_finite(soft), min(_finite(hard), ENOUGH))


def raise_limit() -> None:
    """Allow this process what its user may have. Where that is refused, it stays as it is."""
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (min(_finite(hard), ENOUGH), _MACOS):
        if _finite(soft) >= wanted:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (OSError, ValueError):
            continue
        return


def _finite(limit: int) -> int:
    """A limit as a number; "none" is negative or very large."""
    return limit if 0 <= limit < 1 << 30 else 1 << 30
