#!/usr/bin/env python3
"""Writes the locks that generated Python servers install from: exact versions with their hashes.

Run it when a bound in `muxi.devkit.create.catalogue` changes, and now and then for newer versions.
Needs uv and a package index.
"""

from __future__ import annotations

import subprocess

from muxi.devkit.create.catalogue import (
    AUTH_REQUIREMENTS,
    DEV_REQUIREMENTS,
    PYTHONS,
    REQUIREMENTS,
    TEMPLATES,
)
from muxi.devkit.create.rendering import ROOT


def main() -> None:
    requirements = {
        *REQUIREMENTS,
        *AUTH_REQUIREMENTS,
        *(r for t in TEMPLATES.values() for r in t.requirements),
    }
    folder = ROOT / "python" / "locks"
    folder.mkdir(exist_ok=True)
    runtime = _pinned(requirements)
    (folder / "requirements.lock").write_text(runtime, encoding="utf-8")
    (folder / "requirements-dev.lock").write_text(
        _pinned({*requirements, *DEV_REQUIREMENTS}), encoding="utf-8"
    )


def _pinned(requirements: set[str]) -> str:
    command = ["uv", "pip", "compile", "-", "--universal", "--generate-hashes", "--no-header"]
    command += ["--no-annotate", "--quiet", "--python-version", PYTHONS[0], "--no-emit-index-url"]
    text = "\n".join(sorted(requirements))
    return subprocess.run(  # noqa: S603 -- our own command line
        command, input=text, capture_output=True, text=True, check=True
    ).stdout


if __name__ == "__main__":
    main()
