"""The exit codes of `muxi`, which scripts may rely on. Every command ends through this table.

A code is never given another meaning; new ones are added at the end.
"""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell is told. Each member's text is its line in the reference."""

    explanation: str

    def __new__(cls, value: int, explanation: str) -> ExitCode:
        member = int.__new__(cls, value)
        member._value_ = value
        member.explanation = explanation
        return member

    OK = 0, "Done; a run completed."
    FAILED = 1, "It failed; standard error says why."
    USAGE = 2, "The command line, the project file or a key is missing or wrong."
    WAITING = 3, "The run waits for a person's approval."
    LIMITED = 4, "A limit stopped the run."
    BLOCKED = 5, "A guardrail stopped the run."
    CANCELLED = 130, "Cancelled, by Ctrl-C or by somebody else."
    PIPE_CLOSED = 141, "Whoever read standard output went away."


OF_STATUS = {
    "completed": ExitCode.OK,
    "failed": ExitCode.FAILED,
    "waiting": ExitCode.WAITING,
    "limited": ExitCode.LIMITED,
    "blocked": ExitCode.BLOCKED,
    "cancelled": ExitCode.CANCELLED,
}
"""The exit code of each status that a run can end or pause with."""

_USAGE_CODES = frozenset(
    {
        "config_error",
        "secret_missing",
        "unknown_model",
        "model_key_missing",
        "price_unknown",
        "missing_extra",
        "invalid_input",
    }
)
_OF_CODE = {
    "limit_reached": ExitCode.LIMITED,
    "guardrail_blocked": ExitCode.BLOCKED,
    "run_waiting": ExitCode.WAITING,
    "run_cancelled": ExitCode.CANCELLED,
}


def of_error(code: str) -> ExitCode:
    """The exit code for the `code` of a `MuxiError` or of a `Problem`."""
    if code in _USAGE_CODES:
        return ExitCode.USAGE
    return _OF_CODE.get(code, ExitCode.FAILED)
