"""Keeps generated pages fresh. Used by the scripts that make the reference."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def keep(folder: Path, pages: Mapping[str, Callable[[], str]]) -> int:
    """Write the pages that are stale, or with `--check` only name them; the exit code."""
    stale: list[str] = []
    for name, page in pages.items():
        text = page()
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    print(f"stale: {', '.join(stale)}" if stale else "all pages are fresh", file=sys.stderr)
    return 1 if stale and "--check" in sys.argv else 0
