"""Errors as values and back: what events, stored runs and answers of the API carry.

Called where an error enters a run's events and where a client raises what a server reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import JsonValue

from muxi.core.errors import MuxiError
from muxi.core.events import Problem


def problem_of(error: MuxiError) -> Problem:
    """`error` as a value. Details that are not JSON are told as text."""
    details: dict[str, JsonValue] = {
        key: value if isinstance(value, str | int | float | bool) else str(value)
        for key, value in error.details.items()
    }
    return Problem(code=error.code, message=error.message, hint=error.hint, details=details)


def error_of(problem: Problem) -> MuxiError:
    """The error that `problem` describes; of the base class if its code is not known here."""
    details = {k: v for k, v in problem.details.items() if k not in ("message", "hint", "self")}
    kinds = (kind for kind in _kinds(MuxiError) if kind.code == problem.code)
    return next(kinds, MuxiError)(problem.message, hint=problem.hint, **details)


def _kinds(base: type[MuxiError]) -> Iterator[type[MuxiError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _kinds(kind)


def sentence(words: str) -> str:
    """`words` with a full stop, if they do not end already."""
    return words if words.endswith((".", "?", "!")) else f"{words}."
