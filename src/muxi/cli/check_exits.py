"""The exit codes of the commands that check a server or a tool: `muxi mcp test` and its kin.

They judge and never run an agent, so 3 and 4 mean something else here than in `exits`.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

from muxi.cli import output
from muxi.core.errors import ServerTooSlow, ServerUnavailable


class CheckExit(IntEnum):
    """What the shell is told. Each member's text is its line in the documentation."""

    explanation: str

    def __new__(cls, value: int, explanation: str) -> CheckExit:
        member = int.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member

    OK = 0, "Nothing to complain of."
    FINDINGS = 1, "Something was found: a case failed, a rule of severity `error` was broken."
    USAGE = 2, "The command line or a file that it names is wrong."
    CANNOT_START = 3, "The server cannot be started or reached."
    TOO_SLOW = 4, "The server did not answer in time."


def reached(work: Callable[[], CheckExit]) -> CheckExit:
    """The exit code of `work`; a server that does not come has codes of its own."""
    try:
        return work()
    except ServerUnavailable as error:
        output.error(error.message, error.hint)
        return CheckExit.TOO_SLOW if isinstance(error, ServerTooSlow) else CheckExit.CANNOT_START
