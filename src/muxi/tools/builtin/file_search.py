"""Lists and searches the files below a folder. Used by the tools `files`.

It follows no link, opens plain files only, and ends at fixed bounds of time, files and bytes,
whatever it is asked to find.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from muxi.core.errors import ToolArgumentsInvalid
from muxi.tools.builtin.rooted import Root, Spot, shown

_MAX_FILES = 50_000
_MAX_BYTES = 500_000_000
_MAX_SECONDS = 20.0
_MAX_DEPTH = 40
_MAX_LINE = 300
_EXPRESSION_SECONDS = 2.0
"""What one file may cost a regular expression, which can be made to take forever."""

Matcher = Callable[[str], bool]


@dataclass(slots=True)
class Bounds:
    """What one call may still do."""

    files: int = _MAX_FILES
    data: int = _MAX_BYTES
    until: float = field(default_factory=lambda: time.monotonic() + _MAX_SECONDS)
    reached: bool = False

    def spent(self) -> bool:
        """Whether the call must end, which is remembered."""
        self.reached |= self.files <= 0 or self.data <= 0 or time.monotonic() > self.until
        return self.reached


@dataclass(frozen=True, slots=True)
class Found:
    """Something below the folder."""

    path: str
    name: str
    folder: int
    """Descriptor of the folder that it lies in, open until the next one is asked for."""
    status: os.stat_result

    @property
    def is_folder(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    def line(self) -> str:
        """The entry of a list."""
        if self.is_folder:
            return f"{shown(self.path)}/"
        if not stat.S_ISREG(self.status.st_mode):
            return f"{shown(self.path)} (no plain file)"
        changed = datetime.fromtimestamp(self.status.st_mtime, UTC)
        size = self.status.st_size
        return f"{shown(self.path)} ({size:,} bytes, changed {changed:%Y-%m-%d %H:%M} UTC)"


def below(root: Root, spot: Spot, bounds: Bounds, *, deep: bool) -> Iterator[Found]:
    """What lies below a folder, in order of the names; `deep` for the folders in it too."""
    steps = [] if spot.path == "." else spot.path.split("/")
    with spot.entered() as folder:
        yield from _entries(root, folder, steps, bounds, deep=deep)


def _entries(
    root: Root, folder: int, steps: list[str], bounds: Bounds, *, deep: bool
) -> Iterator[Found]:
    names: list[str] = []
    with os.scandir(folder) as listed:
        for entry in listed:
            bounds.files -= 1
            if bounds.spent():
                break
            if not root.hides([*steps, entry.name]):
                names.append(entry.name)
    for name in sorted(names):
        if bounds.spent():
            return
        try:
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError:
            continue
        here = [*steps, name]
        found = Found("/".join(here), name, folder, status)
        if not found.is_folder:
            yield found
        elif not root.seals(status):
            yield found
            if deep and len(here) < _MAX_DEPTH:
                with suppress(OSError), _folder(folder, name) as inner:
                    yield from _entries(root, inner, here, bounds, deep=True)


@contextmanager
def _folder(parent: int, name: str) -> Generator[int]:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def fits(found: Found, pattern: str) -> bool:
    """Whether an entry has a name, or with a slash in the pattern a path, of this form."""
    text = found.path if "/" in pattern else found.name
    return fnmatchcase(text.lower(), pattern.removeprefix("./").lower())


def matcher(query: str, *, regex: bool) -> Matcher:
    """Whether a line has what is sought in it, without regard to case.

    Raises:
        ToolArgumentsInvalid: It is no regular expression.
    """
    if not regex:
        wanted = query.casefold()
        return lambda line: wanted in line.casefold()
    import regex as expressions

    try:
        compiled: Any = expressions.compile(query, expressions.IGNORECASE)
    except (expressions.error, RecursionError, OverflowError) as error:
        words = str(error)[:200]
        raise ToolArgumentsInvalid(f"The regular expression cannot be read: {words}.") from error

    def matches(line: str) -> bool:
        try:
            # Other threads go on meanwhile, which they could not while `re` searches.
            return bool(compiled.search(line, timeout=_EXPRESSION_SECONDS, concurrent=True))
        except TimeoutError:
            raise ToolArgumentsInvalid(
                "The regular expression takes too long.", hint="Write a simpler one."
            ) from None

    return matches


def matching_lines(
    found: Found, matches: Matcher, bounds: Bounds, *, max_bytes: int
) -> Iterator[str]:
    """`path:number: line` for each line that matches; nothing of what is no text or too large."""
    bounds.data -= min(found.status.st_size, max_bytes)
    spot = Spot(found.folder, found.name, found.path)
    with suppress(OSError), spot.opened() as descriptor:
        if os.fstat(descriptor).st_size > max_bytes:
            return
        with os.fdopen(os.dup(descriptor), "rb") as file:
            data = file.read(max_bytes)
        if b"\0" in data[:8_192]:
            return
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            if bounds.spent():
                return
            if matches(line):
                words = line.strip()
                cut = f"{words[:_MAX_LINE]}…" if len(words) > _MAX_LINE else words
                yield f"{shown(found.path)}:{number}: {cut}"
