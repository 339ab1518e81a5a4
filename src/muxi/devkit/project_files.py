"""The files of a server's project that rules look into. Used by `examination` and `rules`.

Only reads, and only files that a package has by convention; a file that cannot be read is as good
as none, except that its fault is kept.
"""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from muxi.core.json_shapes import is_object

_SOURCES: Final = (".py", ".ts", ".js", ".mjs", ".json", ".yaml", ".yml", ".toml", ".env", ".cfg")
_SKIPPED: Final = frozenset(
    {".git", ".venv", "venv", "node_modules", "dist", "build", "__pycache__", ".tox", ".mypy_cache"}
)
_MOST_FILES: Final = 500
_MOST_BYTES: Final = 200_000
"""Of one file."""


@dataclass(slots=True)
class ProjectFiles:
    """What the folder of a server holds."""

    folder: Path
    pyproject: dict[str, Any] | None = None
    package: dict[str, Any] | None = None
    """package.json"""
    server_json: Any = None
    readme: str | None = None
    tools_lock: bytes | None = None
    has_cases: bool = False
    faults: dict[str, str] = field(default_factory=dict[str, str])
    """Files that are not of their format."""
    sources: dict[str, str] = field(default_factory=dict[str, str])
    """Texts by their path in the folder."""

    def line_of(self, file: str, word: str) -> int | None:
        """The line of a source that holds `word`, counted from 1."""
        text = self.sources.get(file, "")
        found = text.find(word)
        return None if found < 0 else text.count("\n", 0, found) + 1


def read_project(folder: Path) -> ProjectFiles:
    """The files of the project in `folder`."""
    found = ProjectFiles(folder)
    for path in sorted(_files(folder))[:_MOST_FILES]:
        text = path.read_bytes()[:_MOST_BYTES].decode("utf-8", "replace")
        found.sources[path.relative_to(folder).as_posix()] = text
    found.pyproject = _parsed(found, "pyproject.toml", tomllib.loads)
    found.package = _parsed(found, "package.json", json.loads)
    found.server_json = _parsed(found, "server.json", json.loads)
    for name in ("README.md", "README.rst", "README"):
        if (folder / name).is_file():
            found.readme = (folder / name).read_text(encoding="utf-8", errors="replace")
            break
    lock = folder / "tools.lock.json"
    found.tools_lock = lock.read_bytes() if lock.is_file() else None
    found.has_cases = (folder / "tests.yaml").is_file()
    return found


def _files(folder: Path) -> list[Path]:
    found: list[Path] = []
    pending = [folder]
    while pending and len(found) < _MOST_FILES:
        for path in sorted(pending.pop().iterdir()):
            if path.is_symlink():
                continue
            if path.is_dir():
                if path.name not in _SKIPPED:
                    pending.append(path)
            elif path.suffix in _SOURCES or path.name.startswith(".env"):
                found.append(path)
    return found


def _parsed(found: ProjectFiles, name: str, parse: Any) -> Any:
    text = found.sources.get(name)
    if text is None:
        return None
    try:
        value: Any = parse(text)
    except ValueError as error:
        found.faults[name] = str(error)
        return None
    if not is_object(value):
        found.faults[name] = "it holds no object"
        return None
    return value
