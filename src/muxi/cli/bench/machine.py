"""What figures were taken on, for reports: the kind of a machine, never its name or folders."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

from muxi.core.version import __version__


def machine(libraries: Iterable[str]) -> list[tuple[str, str]]:
    """Names and values of a table, with the versions of some libraries."""
    return [
        ("processor", _first("/proc/cpuinfo", r"model name\s*:\s*(.+)") or platform.machine()),
        ("cores", str(os.cpu_count())),
        ("memory", _memory()),
        ("system", f"{platform.system()} {platform.release().split('-')[0]}"),
        ("Python", platform.python_version()),
        ("SQLite", sqlite3.sqlite_version),
        ("muxi", f"{__version__}{_commit()}"),
        *((name, version(name)) for name in libraries),
    ]


def versions_in(python: str, libraries: Iterable[str]) -> str:
    """Versions of libraries in another interpreter, in words."""
    program = (
        "import sys, importlib.metadata as m\n"
        "print(', '.join(f'{name} {m.version(name)}' for name in sys.argv[1:]))"
    )
    command = [python, "-c", program, *libraries]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- an interpreter that the caller chose
    return done.stdout.strip() or "versions unknown"


def _memory() -> str:
    kib = _first("/proc/meminfo", r"MemTotal:\s*(\d+)")
    return f"{int(kib) / 1024**2:.1f} GiB" if kib else "unknown"


def _first(path: str, pattern: str) -> str | None:
    file = Path(path)
    found = re.search(pattern, file.read_text(encoding="utf-8")) if file.exists() else None
    return found.group(1) if found else None


def _commit() -> str:
    """Which commit this is, where it is a checkout of muxi."""
    root = Path(__file__).parents[4]
    if not (root / ".git").exists():
        return ""
    command = ["git", "-C", str(root), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- git's own words
    return f" at {done.stdout.strip()}"
