"""Which files of a folder are documents. Called when a folder is added, and when it changes.

It must never follow a link out of the folder, and never open what is no plain file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from muxi.knowledge.formats import is_known

ALWAYS_IGNORED = (
    *(".*", "~$*", "*~", "*.tmp", "*.swp", "*.lock", "*.min.js", "*.min.css"),
    *("node_modules/", "__pycache__/", "venv/", "dist/", "build/", "target/", "vendor/"),
    *("package-lock.json", "*.map"),
)
"""What no person wrote, or what is hidden."""
MOST = 50_000
"""Files of one folder."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """Patterns as in a `.gitignore`: `*.log`, `drafts/`, `docs/old/*.md`; `!` takes back."""

    patterns: tuple[str, ...]

    @classmethod
    def of(cls, patterns: Sequence[str]) -> Ignored:
        """The given patterns after those that are always in force."""
        wanted = [each.strip() for each in patterns]
        return cls((*ALWAYS_IGNORED, *(each for each in wanted if each and each[0] != "#")))

    def matches(self, path: PurePosixPath, *, is_folder: bool = False) -> bool:
        """Whether `path`, from the folder, is left out; the last pattern that fits decides."""
        found = False
        for pattern in self.patterns:
            wanted = pattern.removeprefix("!")
            if wanted.endswith("/") and not is_folder:
                continue
            wanted = wanted.rstrip("/")
            # A pattern with a slash in it is of the whole path, another of the name alone.
            text = str(path) if "/" in wanted else path.name
            if fnmatchcase(text, wanted.removeprefix("/")):
                found = not pattern.startswith("!")
        return found


def documents(folder: Path, ignore: Sequence[str] = ()) -> Iterator[Path]:
    """The files of a folder and of the folders in it that muxi can read, in order of their names.

    Args:
        folder: Where to look.
        ignore: Further patterns; those of a `.muxiignore` in the folder hold besides.
    """
    ignored = Ignored.of([*_own_patterns(folder), *ignore])
    count = 0
    for place, folders, files in os.walk(folder, followlinks=False):
        here = PurePosixPath(Path(place).relative_to(folder).as_posix())
        folders[:] = sorted(
            name for name in folders if not ignored.matches(here / name, is_folder=True)
        )
        for name in sorted(files):
            path = Path(place, name)
            if not is_known(name) or ignored.matches(here / name) or path.is_symlink():
                continue
            if path.is_file():
                yield path
                count += 1
                if count >= MOST:
                    return


def _own_patterns(folder: Path) -> list[str]:
    try:
        return (folder / ".muxiignore").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
