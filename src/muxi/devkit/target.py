"""What a command of the kit works on: one syntax for every place that an MCP server can be named.

`parse_target` is called by the commands and by the pytest plugin. It reads small files that name
servers (server.json, mcp.json, tests.yaml) and looks at what exists, and never starts or imports
anything: `devkit.connect` does.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from muxi.core.errors import InvalidInput
from muxi.devkit.named_servers import MANIFEST_FILE, Named, in_folder, read

Transport = Literal["memory", "stdio", "http"]
"""How a server is spoken to: within this process, over its standard streams, or by HTTP."""
TRANSPORTS: Final[tuple[Transport, ...]] = ("memory", "stdio", "http")

SYNTAX: Final = (
    "A target is a Python file (server.py or server.py:object), module:object, a command line, "
    "a URL, a server.json, an entry of an mcp.json (mcp.json#name), or the folder of a server."
)

_FILE = re.compile(r"(?P<file>.*\.py)(?::(?P<name>[A-Za-z_]\w*))?", re.DOTALL)
_MODULE = re.compile(r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):(?P<name>[A-Za-z_]\w*)")
_JSON = re.compile(r"(?P<file>.*\.json)(?:#(?P<name>.+))?", re.DOTALL)
_URL = re.compile(r"https?://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Target:
    """A server that was named, and how it can be reached. Built by `parse_target`."""

    text: str
    """As a person may write it again."""
    command: tuple[str, ...] = ()
    """Program and arguments of a server that speaks over its standard streams."""
    url: str | None = None
    file: Path | None = None
    """A Python file that holds a server object."""
    module: str | None = None
    """An importable module that holds one."""
    attribute: str | None = None
    """The name of the object; None to look for the only one."""
    python: str = sys.executable
    """The interpreter that a Python target runs in, beside this process."""
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Added to the environment of a process; values may be secret."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    cwd: Path | None = None
    folder: Path | None = None
    """The project that the server is made in, if it is at hand: where its files are judged."""
    tools: bool = False
    """Whether the file or module holds Python tools instead of a server."""

    @property
    def manifest(self) -> Path | None:
        """Its server.json, if it has one."""
        file = None if self.folder is None else self.folder / MANIFEST_FILE
        return file if file is not None and file.is_file() else None

    @property
    def is_python(self) -> bool:
        """Whether it is an object of Python, which any transport can be put before."""
        return self.file is not None or self.module is not None

    @property
    def transports(self) -> tuple[Transport, ...]:
        """The ways to speak to it."""
        if self.tools:
            return ("memory",)
        if self.url is not None:
            return ("http",)
        if not self.is_python:
            return ("stdio",)
        return TRANSPORTS if _same_environment(self.python) else ("stdio", "http")


def parse_target(
    words: str | Sequence[str],
    *,
    python: str | None = None,
    env: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Target:
    """The server that `words` name.

    Args:
        words: One text, or the words of a command line.
        python: Interpreter of a Python target; by default the `.venv` of its project if it has
            one, else the interpreter of this process.
        env: Added to what the target itself says.
        headers: Sent with each request to a URL.
        folder: Where relative paths start; the current folder by default.

    Raises:
        InvalidInput: They name nothing that exists or could be started.
    """
    given = (words,) if isinstance(words, str) else tuple(words)
    base = (folder or Path()).absolute()
    target = _parsed(given, base)
    if python is not None:
        target = replace(target, python=_program(python))
    elif target.is_python and target.folder is not None:
        target = replace(target, python=_project_python(target.folder))
    return replace(
        target,
        env={**target.env, **(env or {})},
        headers={**target.headers, **(headers or {})},
    )


def parse_tools(text: str, *, folder: Path | None = None) -> Target:
    """The Python tools that `text` names: a file or module, or one function of it.

    Raises:
        InvalidInput: It names no such place.
    """
    target = _parsed((text,), (folder or Path()).absolute())
    if not target.is_python:
        raise InvalidInput(
            f"{text} is no Python file or module.", hint="Write tools.py, tools.py:add or pkg:add."
        )
    return replace(target, tools=True)


def _parsed(given: Sequence[str], base: Path) -> Target:
    if len(given) != 1:
        return _of_command(given, base, shlex.join(given))
    text = given[0].strip()
    if _URL.match(text):
        return Target(text=text, url=text)
    if found := _JSON.fullmatch(text) or _FILE.fullmatch(text):
        file, name = base / found["file"], found["name"]
        if file.is_file():
            python = file.suffix == ".py"
            return _of_file(file, name, text) if python else _of_named(read(file, name), text)
        if " " not in text:
            raise InvalidInput(f"There is no file {found['file']}.", hint=SYNTAX)
    if text and (base / text).is_dir():
        return _of_folder(base / text, text)
    if found := _MODULE.fullmatch(text):
        return _of_module(found["module"], found["name"], base)
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InvalidInput(f"The command line cannot be read: {error}.", hint=SYNTAX) from error
    return _of_command(words, base, text)


def _of_file(file: Path, attribute: str | None, text: str) -> Target:
    folder = _project_folder(file.parent) or file.parent
    return Target(text=text, file=file, attribute=attribute, cwd=file.parent, folder=folder)


def _of_module(module: str, attribute: str, base: Path) -> Target:
    """An importable module, which belongs to the project at `base` if its source lies there."""
    top = module.partition(".")[0]
    sources = (base, base / "src")
    held = [at for at in sources if (at / top).exists() or (at / f"{top}.py").exists()]
    folder = _project_folder(base) if held else None
    # Whatever runs it imports from the folder that it is started in.
    cwd = held[0] if held else base
    return Target(
        text=f"{module}:{attribute}", module=module, attribute=attribute, cwd=cwd, folder=folder
    )


def _of_folder(folder: Path, text: str) -> Target:
    """A server's own folder: what its tests.yaml tests, else what its server.json describes."""
    named = in_folder(folder)
    if isinstance(named, Named):
        target = _of_named(named, text)
    else:
        target = replace(_parsed((named.target,), folder), env=named.env)
    return replace(target, text=text, folder=target.folder or folder)


def _of_named(named: Named, text: str) -> Target:
    if named.url is not None:
        return Target(text=text, url=named.url, headers=named.headers, folder=named.folder)
    target = _of_command(named.command, named.cwd, text)
    return replace(target, env=named.env, folder=named.folder)


def _of_command(words: Sequence[str], cwd: Path, text: str) -> Target:
    if not words:
        raise InvalidInput("No server is named.", hint=SYNTAX)
    program = words[0]
    local = cwd / program
    if os.sep in program and local.is_file():
        program = str(local)
    elif shutil.which(program) is None:
        raise InvalidInput(
            f"There is no program `{program}`, and nothing else has this name.", hint=SYNTAX
        )
    return Target(text=text, command=(program, *words[1:]), cwd=cwd)


def _project_folder(start: Path) -> Path | None:
    """The nearest folder, from `start` up, that a package is described in."""
    for folder in (start, *start.parents):
        if any((folder / name).is_file() for name in ("pyproject.toml", "package.json")):
            return folder
        if (folder / ".git").exists():
            break
    return None


def _project_python(folder: Path) -> str:
    for local in (folder / ".venv/bin/python", folder / ".venv/Scripts/python.exe"):
        if local.is_file():
            return str(local)
    return sys.executable


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise InvalidInput(f"There is no interpreter `{name}`.")
    return found


def _same_environment(python: str) -> bool:
    """Whether `python` is the interpreter of this process, or of its environment."""
    if python == sys.executable:
        return True
    return Path(python).absolute().parent == Path(sys.executable).absolute().parent
