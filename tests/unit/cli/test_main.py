"""The table of commands: light to show, true to the commands, told in one voice."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from typing import Any

import pytest
import typer
from pydantic_core import SchemaValidator, core_schema

from muxi.cli.commands import COMMANDS, run
from muxi.core.errors import MuxiError

HEAVY = {
    "aiohttp",
    "alembic",
    "cryptography",
    "msgspec",
    "numpy",
    "prompt_toolkit",
    "psycopg",
    "pydantic",
    "rich",
    "sqlalchemy",
    "sqlite3",
    "starlette",
    "trafilatura",
    "uvicorn",
    "wordllama",
    "xllamacpp",
    "yaml",
}


def modules_after(code: str) -> set[str]:
    """The top-level packages that are loaded after `code` in a fresh interpreter."""
    tell = "print(*{name.split('.')[0] for name in sys.modules}, file=sys.stderr)"
    script = f"import sys\n{code}\n{tell}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120
    )
    return set(done.stderr.split())


def test_help_loads_nothing_heavy() -> None:
    assert not modules_after("from muxi.cli.commands import run\nrun(['--help'])") & HEAVY


def test_the_help_of_the_commands_loads_nothing_heavy() -> None:
    calls = "\n".join(f"run([{name!r}, '--help'])" for name in COMMANDS)
    loaded = modules_after(f"from muxi.cli.commands import run\n{calls}")
    # Typer itself needs pydantic to read the values of options.
    assert not loaded & (HEAVY - {"pydantic"})


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_in_the_table_is_the_first_line_of_the_commands_help(name: str) -> None:
    module, summary = COMMANDS[name]
    command: Any = typer.main.get_command(import_module(module).app)
    assert (command.help or "").split("\n")[0] == summary


def test_a_call_without_arguments_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith("Usage: muxi [OPTIONS] COMMAND")
    assert captured.err == ""


def test_a_group_without_arguments_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 0
    assert "pull" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        (["cha"], "No such command 'cha'. Did you mean 'chat'", "`muxi --help`"),
        (["version", "--nope"], "No such option: --nope", "`muxi version --help`"),
        (["threads", "show"], "Missing argument", "`muxi threads show --help`"),
    ],
)
def test_wrong_use_is_told_with_a_hint(
    arguments: list[str], error: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert first.startswith(f"error: {error}")
    assert second.startswith(f"hint: {hint}")


def test_the_version_is_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["version", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"muxi", "python", "platform"}


def test_an_unexpected_error_is_words_unless_debugging(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("muxi.cli.output.line", fail)
    monkeypatch.setenv("MUXI_DEBUG", "0")
    assert run(["version"]) == 1
    assert capsys.readouterr().err == (
        "error: ZeroDivisionError: division by zero\nhint: MUXI_DEBUG=1 shows where it happened.\n"
    )
    assert run(["--debug", "version"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_a_ctrl_c_that_falls_into_the_making_of_a_class_ends_quietly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Pressed:
        def __repr__(self) -> str:
            raise KeyboardInterrupt

    def fail(*_: object, **__: object) -> None:
        SchemaValidator(core_schema.nullable_schema(core_schema.literal_schema([Pressed()])))

    monkeypatch.setattr("muxi.cli.output.line", fail)
    assert run(["version"]) == 130
    assert capsys.readouterr().err == ""


def test_an_error_of_muxi_is_its_message_and_hint(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MuxiError("It \x1b[31mfailed.", hint="Mend it.")

    monkeypatch.setattr("muxi.cli.output.line", fail)
    assert run(["version"]) == 1
    assert capsys.readouterr().err == "error: It ␛[31mfailed.\nhint: Mend it.\n"
