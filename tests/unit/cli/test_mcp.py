"""`muxi mcp`: a group that stays light, whatever its commands need."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from muxi.cli.commands import run
from muxi.cli.mcp import COMMANDS, app
from tests.unit.cli.test_main import modules_after


def test_the_help_of_the_group_and_of_its_commands_never_loads_the_sdk() -> None:
    calls = "\n".join(f"run(['mcp', {name!r}, '--help'])" for name in COMMANDS)
    loaded = modules_after(f"from muxi.cli.commands import run\nrun(['mcp', '--help'])\n{calls}")
    assert not loaded & {"mcp", "mcp_types", "anyio", "httpx2", "starlette"}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_of_the_group_is_the_first_line_of_the_commands_help(name: str) -> None:
    group: Any = typer.main.get_command(app)
    command = group.get_command(None, name)
    assert command is not None, f"{COMMANDS[name][0]} has no command {name}"
    assert (command.help or "").split("\n")[0] == COMMANDS[name][1]
    assert import_module(COMMANDS[name][0]).__doc__


def test_an_import_prints_a_part_of_the_project_file_without_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mcp.json"
    server = {"command": "npx", "args": ["-y", "x"], "env": {"API_KEY": "sk-1", "MODE": "fast"}}
    file.write_text(json.dumps({"mcpServers": {"files": server}}))
    assert run(["mcp", "import", str(file)]) == 0
    told = capsys.readouterr()
    assert yaml.safe_load(told.out)["mcp"]["servers"]["files"] == {
        "command": ["npx", "-y", "x"],
        "env": {"API_KEY": "secret://API_KEY", "MODE": "fast"},
    }
    assert "muxi secrets set API_KEY" in told.err
    assert "sk-1" not in told.out + told.err


def test_an_import_of_a_server_that_is_not_there_names_those_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mcp.json"
    file.write_text('{"servers": {"git": {"command": "git-server"}}}')
    assert run(["mcp", "import", str(file), "got"]) != 0
    assert "There is: git." in capsys.readouterr().err
