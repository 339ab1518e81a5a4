#!/usr/bin/env python3
"""Writes the locks that generated servers install from: exact versions with their hashes.

Run it when a bound in `muxi.devkit.create.catalogue` changes, and now and then for newer versions.
Needs uv, Node and package indexes.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path, PurePosixPath

from muxi.devkit.create.answers import Given, completed
from muxi.devkit.create.catalogue import (
    AUTH_REQUIREMENTS,
    DEV_REQUIREMENTS,
    FASTMCP_REQUIREMENTS,
    FRAMEWORKS,
    PYTHONS,
    REQUIREMENTS,
    TEMPLATES,
)
from muxi.devkit.create.rendering import ROOT
from muxi.devkit.create.server import plan_server
from muxi.devkit.node import Node

_NAME = "a-name-of-a-server"
_LICENSE = "MIT"


def main() -> None:
    requirements = {
        *REQUIREMENTS,
        *AUTH_REQUIREMENTS,
        *(r for t in TEMPLATES.values() for r in t.requirements),
    }
    for framework in FRAMEWORKS:
        more = FASTMCP_REQUIREMENTS if framework == "fastmcp" else ()
        _pin(ROOT / "python" / "locks" / framework, {*requirements, *more})
    lock = ROOT / "typescript" / "base" / "package-lock.json.jinja"
    lock.write_text(_npm_lock(), encoding="utf-8")


def _pin(folder: Path, requirements: set[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, more in (("requirements.lock", ()), ("requirements-dev.lock", DEV_REQUIREMENTS)):
        (folder / name).write_text(_pinned({*requirements, *more}), encoding="utf-8")


def _pinned(requirements: set[str]) -> str:
    command = ["uv", "pip", "compile", "-", "--universal", "--generate-hashes", "--no-header"]
    command += ["--no-annotate", "--quiet", "--python-version", PYTHONS[0], "--no-emit-index-url"]
    text = "\n".join(sorted(requirements))
    return subprocess.run(  # noqa: S603 -- our own command line
        command, input=text, capture_output=True, text=True, check=True
    ).stdout


def _npm_lock() -> str:
    """The lock of npm, without addresses of any registry, as a template."""
    answers = completed(Given(name=_NAME, language="typescript", license=_LICENSE))
    package = plan_server(answers).files[PurePosixPath("package.json")]
    node = Node.find()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "package.json").write_text(package, encoding="utf-8")
        options = ("--package-lock-only", "--ignore-scripts", "--omit-lockfile-registry-resolved")
        subprocess.run(  # noqa: S603 -- our own command line
            [*node.npm, "install", "--silent", *options],
            cwd=folder,
            env=node.environment(),
            check=True,
        )
        lock = (folder / "package-lock.json").read_text(encoding="utf-8")
    head, license_line, rest = lock.partition(f'"license": "{_LICENSE}"')
    assert license_line
    assert "://" not in head
    own = '"license": "<< license_id or \'UNLICENSED\' >>"'
    return (head + own + rest).replace(_NAME, "<< name >>")


if __name__ == "__main__":
    main()
