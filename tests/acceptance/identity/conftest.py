"""Fixtures of the tests of who may use a server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from muxi.cli.commands import run
from tests.support.command import Done, muxi, project, provider

__all__ = ["muxi", "project", "provider"]

PROJECT = """\
model: openai-compatible/none
agents: {helper: {}}
identity:
  roles:
    drafter: {includes: [viewer], allow: [runs.*]}
  policies:
    no-git: {permissions: ["tools.use:git"], users: [eve]}
"""


@dataclass
class Admin:
    """Whoever sits at the machine."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, code: int = 0) -> Done:
        """Run a command that is to end with `code`."""
        self.capture.readouterr()
        ended = run(arguments)
        said = self.capture.readouterr()
        assert ended == code, said.err
        return Done(ended, said.out, said.err)


@pytest.fixture
def admin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Admin:
    (tmp_path / "muxi.yaml").write_text(PROJECT, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return Admin(tmp_path, capsys)
