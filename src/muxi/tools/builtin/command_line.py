"""Reads a command as words, without a shell, and says whether a list allows it. Used by `shell`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from fnmatch import fnmatchcase

from muxi.core.errors import ToolArgumentsInvalid, ToolDenied

_MAX_LENGTH = 8_000
_QUOTED = re.compile(r"\\.|'[^']*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_SHELL = re.compile(r"[;|&<>`\n]|\$[({A-Za-z_]")
"""What a shell would act upon, outside of quotation marks."""


def words_of(command: str) -> list[str]:
    """The program and its arguments.

    Raises:
        ToolArgumentsInvalid: It is no single plain command.
    """
    if len(command) > _MAX_LENGTH or "\0" in command:
        raise ToolArgumentsInvalid(f"A command has at most {_MAX_LENGTH:,} characters.")
    text = command.strip()
    sign = _SHELL.search(_QUOTED.sub("", text))
    if sign is not None:
        read = "line breaks" if sign[0] == "\n" else f"`{sign[0]}`"
        raise ToolArgumentsInvalid(
            f"There is no shell that would read {read}.",
            hint="Give one program with its arguments; quote an argument that has such signs.",
        )
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise ToolArgumentsInvalid(f"The command cannot be read: {error}.") from error
    if not words:
        raise ToolArgumentsInvalid("The command is empty.")
    return words


def check_allowed(words: Sequence[str], patterns: Sequence[str]) -> None:
    """Raise `ToolDenied` unless one of the patterns admits the command."""
    if not any(_fits(words, shlex.split(pattern)) for pattern in patterns):
        raise ToolDenied(
            f"`{words[0][:80]}` may not be run in this way.",
            hint=f"These commands are allowed: {', '.join(patterns)}",
        )


def _fits(words: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether each word fits its pattern; a last pattern `*` admits any further words."""
    if words[0] != pattern[0]:
        return False
    if pattern[-1] == "*" and len(pattern) > 1:
        pattern = pattern[:-1]
        if len(words) < len(pattern):
            return False
    elif len(words) != len(pattern):
        return False
    return all(_word_fits(*each) for each in zip(words, pattern, strict=False))


def _word_fits(word: str, pattern: str) -> bool:
    if word == pattern:
        return True
    # `docs/*` is meant to stay in docs.
    return fnmatchcase(word, pattern) and (pattern == "*" or ".." not in word.split("/"))
