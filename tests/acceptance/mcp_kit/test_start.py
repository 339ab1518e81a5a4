"""The help of the kit is shown before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "hypothesis", "jsonschema", "mcp", "mcp_types", "pydantic", "sqlalchemy"}


@pytest.mark.parametrize("words", [["mcp"], ["tool"], ["mcp", "test"], ["mcp", "validate"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from muxi.cli.commands import run; "
        f"run({[*words, '--help']!r}); print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "Usage: muxi" in done.stdout
    assert not set(done.stderr.split()) & HEAVY
