"""The program in the README runs as printed on the embedded model, which needs no key."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"


@pytest.mark.ci
def test_the_program_of_the_readme_answers_on_the_embedded_model(tmp_path: Path) -> None:
    text = README.read_text(encoding="utf-8")
    [program] = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    (tmp_path / "clerk.py").write_text(program, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "clerk.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "item='nuts' pieces=300\n"
