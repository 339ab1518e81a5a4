"""Why a connection ended, in words for people. Used by `connection`."""

from __future__ import annotations

import asyncio
from typing import cast

from muxi.core.errors import MuxiError, summarize
from muxi.mcp.log import ServerLog
from muxi.mcp.target import Wire


def reason_of(
    error: BaseException | None, wire: Wire | None, log: ServerLog, *, start_timeout: float
) -> str:
    """What happened, with the server's last words if its process has ended."""
    end = ended(wire)
    if isinstance(error, TimeoutError):
        return f"it did not answer within {start_timeout:g} s"
    if isinstance(error, MuxiError):
        reason = summarize(error)
    elif end:
        reason = end
    else:
        reason = f"{type(error).__name__}: {error}"[:500] if error else "the connection ended"
    said = log.last_words() if end else ""
    return f"{reason}; its last words: {said}" if said else reason


def ended(wire: Wire | None) -> str:
    """How the process ended; empty if nobody knows."""
    return f"it {wire.end}" if wire is not None and wire.end else ""


def first_of(error: BaseException) -> BaseException:
    """The first error in groups of groups that is more than a cancellation."""
    if not isinstance(error, BaseExceptionGroup):
        return error
    group = cast("BaseExceptionGroup[BaseException]", error)
    found = (first_of(each) for each in group.exceptions)
    return next((each for each in found if not isinstance(each, asyncio.CancelledError)), group)
