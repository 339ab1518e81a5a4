"""Puts a new folder in its place whole or not at all, whatever happens to this process.

Files are written into a hidden folder beside the target, which becomes the target by one renaming.
A second, tiny process removes the hidden folder if this one is killed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from muxi.core.errors import Conflict, InvalidInput
from muxi.devkit.create import guard


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new folder shall be."""

    target: Path
    aside: Path | None
    """Where what is there now is moved to."""


def place_at(folder: Path, *, force: bool) -> Place:
    """The place `folder`, looked at before anything is written.

    Raises:
        Conflict: Something is there already, and `force` was not said.
        InvalidInput: It cannot be there.
    """
    target = folder.absolute()
    if not target.name or ".." in target.parts:
        target = target.resolve()
    if not os.path.lexists(target):
        return Place(target, None)
    if target == Path.cwd() or target in Path.cwd().parents:
        raise InvalidInput(
            f"{folder} is the folder that you are in.", hint="Choose a new folder below it."
        )
    if not force:
        raise Conflict(
            f"{folder} exists already.",
            hint="Choose another folder; or add --force, which keeps the old one aside.",
        )
    return Place(target, _free_aside(target))


@contextmanager
def unfinished(place: Place) -> Generator[Path]:
    """A folder to write into, which is put in its place if nothing is raised, else removed.

    Raises:
        Conflict: Something came to be there in the meantime.
        InvalidInput: The folder cannot be made.
    """
    target = place.target
    hidden = target.with_name(f".{target.name}.{os.getpid()}.unfinished")
    made: list[Path] = []
    try:
        made = _make_parents(target.parent)
        with _guarded(hidden, place, made):
            hidden.mkdir()
            try:
                yield hidden
                _put(hidden, place)
            except BaseException:
                shutil.rmtree(hidden, ignore_errors=True)
                _remove(made)
                raise
    except (PermissionError, NotADirectoryError, FileExistsError) as error:
        _remove(made)
        raise InvalidInput(
            f"{target} cannot be written: {error.strerror}.", hint="Choose another folder."
        ) from error


def write_files(folder: Path, files: Mapping[PurePosixPath, str]) -> None:
    """Write texts below `folder`, in UTF-8 with line ends of Unix on every system."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())


@contextmanager
def _guarded(hidden: Path, place: Place, made: list[Path]) -> Generator[None]:
    arguments = [str(hidden), str(place.target), str(place.aside or ""), *map(str, made)]
    process = subprocess.Popen(  # noqa: S603 -- our own program and our own paths
        [sys.executable, "-I", "-S", "-B", str(guard.__file__), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=place.target.anchor,
        start_new_session=True,
    )
    try:
        yield
    finally:
        with suppress(OSError):
            process.communicate(b"done")


def _put(hidden: Path, place: Place) -> None:
    if place.aside is not None:
        place.target.rename(place.aside)
    elif os.path.lexists(place.target):
        raise Conflict(f"{place.target} exists by now.", hint="Choose another folder.")
    hidden.rename(place.target)


def _make_parents(folder: Path) -> list[Path]:
    """Make `folder` and give what had to be made, the innermost first."""
    missing: list[Path] = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir()
    return missing


def _remove(made: list[Path]) -> None:
    for each in made:
        with suppress(OSError):
            each.rmdir()


def _free_aside(target: Path) -> Path:
    aside = target.with_name(f"{target.name}.old")
    number = 2
    while os.path.lexists(aside):
        aside = target.with_name(f"{target.name}.old.{number}")
        number += 1
    return aside
