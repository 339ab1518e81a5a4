"""Dotted paths, the names of facts: `location.city`. Used by `storage`, `memory` and doors.

Steps are separated by dots. A step that is empty or holds a dot, a quote, a backslash, a control
character or a blank at an end stands in double quotes as a JSON string, as in TOML's dotted keys
(https://toml.io/en/v1.0.0#keys). Each sequence of steps has one spelling, so that paths can be
compared as texts, and what lies below `a` is what begins with `a.`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from muxi.core.errors import InvalidInput

DEEPEST = 64
"""Steps of a path, and levels of nested JSON."""
LONGEST = 1_000
"""Bytes of a path in UTF-8: databases bound what an index can hold."""

_BARE = re.compile(r"(?!\s)[^.\"\\\x00-\x1f\x7f-\x9f]+(?<!\s)")
_QUOTED = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')


def dotted(steps: Iterable[str]) -> str:
    """The path of these steps; no step at all gives the empty path, which is the whole.

    Raises:
        InvalidInput: It would be too long or too deep, or a step cannot be encoded.
    """
    path = ".".join(map(_spelled, steps))
    return _bounded(path)


def steps(path: str) -> list[str]:
    """The steps of `path`.

    Raises:
        InvalidInput: It is no path.
    """
    if not path:
        return []
    _bounded(path)
    found: list[str] = []
    at = 0
    while True:
        quoted = _QUOTED.match(path, at)
        if quoted is not None:
            found.append(_unquoted(quoted.group(), path))
            at = quoted.end()
        else:
            end = path.find(".", at)
            end = len(path) if end < 0 else end
            found.append(_bare(path[at:end], path))
            at = end
        if at == len(path):
            break
        if path[at] != ".":
            raise _no_path(path)
        at += 1
    if len(found) > DEEPEST:
        raise InvalidInput(f"A path has at most {DEEPEST} steps.")
    return found


def normal(path: str) -> str:
    """`path` in its one spelling. Raises `InvalidInput` if it is none."""
    return dotted(steps(path))


def above(path: str) -> list[str]:
    """The paths that `path` lies below, the shortest first, without the empty one."""
    if "." not in path:
        return []
    parts = steps(path)
    return [dotted(parts[:count]) for count in range(1, len(parts))]


def join(path: str, below: str) -> str:
    """The path that leads to `below` from `path`; either may be empty."""
    return f"{path}.{below}" if path and below else path or below


def _spelled(step: str) -> str:
    return step if _BARE.fullmatch(step) else json.dumps(step, ensure_ascii=False)


def _bare(step: str, path: str) -> str:
    if not _BARE.fullmatch(step):
        raise _no_path(path)
    return step


def _unquoted(quoted: str, path: str) -> str:
    try:
        return str(json.loads(quoted))
    except ValueError:
        raise _no_path(path) from None


def _bounded(path: str) -> str:
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise InvalidInput("A path has half of a character in it.") from None
    if size > LONGEST:
        raise InvalidInput(f"A path is longer than {LONGEST} bytes.")
    return path


def _no_path(path: str) -> InvalidInput:
    return InvalidInput(
        f"{path[:100]!r} is no path.",
        hint='Steps are separated by dots; a step with a dot in it is quoted: location."a.b".',
    )
