"""The generated pages say what the code says."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "script", ["make_reference.py", "make_mcp_reference.py", "make_tools_reference.py"]
)
def test_generated_pages_say_what_the_code_says(script: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_built_in_tool_cannot_change_under_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    script = importlib.import_module("make_tools_reference")
    recorded = json.loads(script.RECORD.read_text(encoding="utf-8"))
    (told,) = recorded["calculator"].values()
    told["parameters"]["properties"]["unit"] = {"type": "string"}
    changed = tmp_path / "tools.json"
    changed.write_text(json.dumps(recorded), encoding="utf-8")
    monkeypatch.setattr(script, "RECORD", changed)
    with pytest.raises(SystemExit, match=r"raise the version of its manifest from 1\.0\.0 to 2"):
        script.record()
