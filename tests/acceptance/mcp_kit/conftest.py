"""A folder with a server that keeps every rule, and the command, which runs in this process."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from muxi.cli.commands import run
from tests.support.command import Done, muxi, project, provider
from tests.support.mcp_kit import BAD_SERVERS

__all__ = ["muxi", "project", "provider"]

CASES = """\
server: python3 server.py
cases:
  - name: adds
    call: add_numbers
    arguments: {a: 2, b: 40}
    expect: {result: {sum: 42}, contains: "42", content: [text]}
  - name: refuses words
    call: add_numbers
    arguments: {a: two, b: 40}
    expect: {error: whole numbers}
"""


@dataclass
class Kit:
    """The command in a folder. What it starts are processes of their own."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str) -> Done:
        """Run a command to its end."""
        self.capture.readouterr()
        code = run(arguments)
        said = self.capture.readouterr()
        return Done(code, said.out, said.err)


@pytest.fixture
def kit(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Kit:
    """The command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Kit(tmp_path, capsys)


@pytest.fixture
def server(kit: Kit) -> Kit:
    """The command in a server's folder. The server is a program: it speaks over stdio only."""
    shutil.copy(BAD_SERVERS / "good.py", kit.folder / "server.py")
    (kit.folder / "tests.yaml").write_text(CASES)
    return kit
