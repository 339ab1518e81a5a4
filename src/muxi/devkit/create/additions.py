"""Adds a tool, a resource or a prompt to a server that was made here.

Everything is prepared and the changed server is asked for its new listing in a copy, before one
file of the server itself is touched.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, cast

from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.devkit.create.catalogue import Framework, PartKind
from muxi.devkit.create.framework import framework_values
from muxi.devkit.create.listing import surface_of
from muxi.devkit.create.names import checked_description, part_name
from muxi.devkit.create.parts_file import with_part
from muxi.devkit.create.rendering import render
from muxi.devkit.tools_lock import TOOLS_LOCK, tools_lock_with

_HEADINGS: dict[PartKind, str] = {"tool": "Tools", "resource": "Resources", "prompt": "Prompts"}


@dataclass(frozen=True, slots=True)
class ServerFolder:
    """A server that was made here."""

    folder: Path
    package: str
    framework: Framework = "mcp"

    @property
    def source(self) -> Path:
        """The package's own folder."""
        return self.folder / "src" / self.package


@dataclass(frozen=True, slots=True)
class Addition:
    """A part that shall be added: every file that is new or changes, with its text."""

    server: ServerFolder
    kind: PartKind
    name: str
    files: dict[PurePosixPath, str]


def server_around(start: Path) -> ServerFolder:
    """The server that `start` lies in.

    Raises:
        NotFound: It lies in none that was made here.
    """
    for folder in (start.absolute(), *start.absolute().parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            made = _made_here(file)
            package = made.get("package")
            if not isinstance(package, str) or not package.isidentifier():
                continue
            if (folder / "src" / package / "parts.py").is_file():
                fast = made.get("framework") == "fastmcp"
                return ServerFolder(folder, package, "fastmcp" if fast else "mcp")
    raise NotFound(
        f"{start.absolute()} lies in no Python server that `muxi create mcp-server` made.",
        hint="Go into the folder of one, or name it with --server.",
    )


def plan_addition(
    server: ServerFolder, kind: PartKind, given: str, description: str | None
) -> Addition:
    """What adding a part would write. Writes nothing.

    Raises:
        InvalidInput: It cannot be called so, or `parts.py` is not as it was made.
        Conflict: There is one of this name.
    """
    name = part_name(given)
    title = name.replace("_", " ").capitalize()
    said = checked_description(description or _DESCRIPTIONS[kind].format(title=title.lower()))
    values: dict[str, Any] = {
        **framework_values(server.framework),
        "part": name,
        "title": title,
        "description": said,
        "class_name": "".join(word.capitalize() for word in name.split("_")) + "Result",
        "uri": f"{name.replace('_', '-')}://main",
        "text": f"# {title}\n\n{said}\n",
    }
    inside = PurePosixPath("src", server.package)
    new = {
        inside / f"{kind}s" / f"{name}.py": render(f"parts/{kind}.py", values),
        PurePosixPath("tests", f"test_{kind}_{name}.py"): render(f"parts/test_{kind}.py", values),
    }
    for path in new:
        if (server.folder / path).exists():
            raise Conflict(f"{server.folder / path} exists already.", hint="Choose another name.")
    package = inside / f"{kind}s" / "__init__.py"
    if not (server.folder / package).exists():
        new[package] = f'"""The {kind}s of this server, one file each."""\n'
    parts = inside / "parts.py"
    new[parts] = with_part(_text(server.folder / parts), kind, name)
    new.update(_documents(server, kind, values))
    return Addition(server, kind, name, new)


def add(addition: Addition) -> list[Path]:
    """Write an addition, with its entry in the lock. Gives the paths of all files written.

    Raises:
        MuxiError: The server would not start any more; nothing was changed.
    """
    server = addition.server
    files = {**addition.files, PurePosixPath(TOOLS_LOCK): _locked(addition)}
    before = {
        path: (server.folder / path).read_bytes()
        for path in files
        if (server.folder / path).exists()
    }
    try:
        for path, text in files.items():
            file = server.folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
    except BaseException:
        for path in files:
            _restore(server.folder / path, before.get(path))
        raise
    return [server.folder / path for path in files]


_DESCRIPTIONS: dict[PartKind, str] = {
    "tool": "Work on a text: {title}.",
    "resource": "A page about {title}.",
    "prompt": "Think about a subject: {title}.",
}


def _made_here(file: Path) -> dict[str, Any]:
    """What the maker wrote into a pyproject.toml; nothing if it is another's."""
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    made = data.get("tool", {}).get("muxi", {}).get("mcp-server", {})
    return cast("dict[str, Any]", made) if isinstance(made, dict) else {}


def _documents(
    server: ServerFolder, kind: PartKind, values: Mapping[str, Any]
) -> dict[PurePosixPath, str]:
    """The README and tests.yaml with the new part, as far as they are there."""
    changed: dict[PurePosixPath, str] = {}
    readme, cases = server.folder / "README.md", server.folder / "tests.yaml"
    if readme.is_file():
        shown = values["uri"] if kind == "resource" else values["part"]
        said = str(values["description"]).rstrip(".")
        line = f"- `{shown}`: {said[:1].lower()}{said[1:]}."
        changed[PurePosixPath("README.md")] = _with_line(_text(readme), _HEADINGS[kind], line)
    if cases.is_file():
        text = _text(cases)
        if text.rstrip("\n").rpartition("\n")[2].startswith("    "):
            changed[PurePosixPath("tests.yaml")] = text + render(f"parts/{kind}.yaml", values)
    return changed


def _with_line(text: str, heading: str, line: str) -> str:
    """`text` with `line` at the end of a section, which is made if there is none."""
    lines = text.splitlines()
    mark = f"## {heading}"
    if mark not in lines:
        at = next((i for i, each in enumerate(lines) if each == "## Use it"), len(lines))
        return "\n".join([*lines[:at], mark, "", line, "", *lines[at:], ""])
    start = lines.index(mark) + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith("#")), len(lines))
    while end > start and not lines[end - 1].strip():
        end -= 1
    gap = [] if end > start and lines[end - 1].startswith(("- ", "  ")) else [""]
    return "\n".join([*lines[:end], *gap, line, *lines[end:], ""])


def _locked(addition: Addition) -> str:
    """The lock with the new part's entry; every other entry stays as it was accepted."""
    server = addition.server
    with tempfile.TemporaryDirectory(dir=server.folder, prefix=".muxi-add-") as name:
        trial = Path(name)
        shutil.copytree(
            server.folder / "src", trial / "src", ignore=shutil.ignore_patterns("__pycache__")
        )
        for path, text in addition.files.items():
            if path.parts[0] == "src":
                file = trial / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(text.encode())
        surface = surface_of(
            trial / "src", server.package, python=_python(server.folder), environment=os.environ
        )
    lock = server.folder / TOOLS_LOCK
    try:
        return tools_lock_with(
            lock.read_bytes() if lock.is_file() else None, surface, addition.kind, addition.name
        )
    except ValueError as error:
        raise InvalidInput(
            f"{lock} is no lock: {error}.", hint="Restore it from version control."
        ) from error


def _python(folder: Path) -> str:
    """The interpreter of the server's own environment, if it has one."""
    for local in (folder / ".venv/bin/python", folder / ".venv/Scripts/python.exe"):
        if local.is_file():
            return str(local)
    return sys.executable


def _restore(file: Path, data: bytes | None) -> None:
    if data is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(data)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} cannot be read: {error}.") from error
