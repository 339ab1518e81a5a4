"""Writes docs/reference/cli.md from the program itself: every command, option and exit code.

Run it after a change of a command; a test fails when the page is stale. `--check` writes nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import typer
from pages import keep

from muxi.cli.commands import app
from muxi.cli.exits import ExitCode

TARGET = Path(__file__).parent.parent / "docs" / "reference" / "cli.md"

_INTRODUCTION = """\
# Command line

<!-- Written by scripts/make_cli_reference.py from the program; do not edit. -->

Data goes to standard output and everything else to standard error, so `muxi run "…" > answer.txt`
holds the answer only. `--json` gives data as JSON. Errors read `error: …` and are followed by a
`hint: …`; `muxi --debug COMMAND` or `MUXI_DEBUG=1` adds the traceback. Colours are left out where
nobody sees them, and where `NO_COLOR` is set. `MUXI_PROJECT` stands for `--project`.

Commands that need a running project find its owner (`muxi up`, or another command) through the
socket beside the project. If there is none, the command is the owner while it runs.
"""


def reference() -> str:
    """The whole page."""
    root: Any = typer.main.get_command(app)
    context = root.make_context("muxi", [], resilient_parsing=True)
    sections = [_INTRODUCTION, _exit_codes(), _section(root, context)]
    for name in root.list_commands(context):
        sections += _command(root.get_command(context, name), name, context)
    return "\n".join(sections)


def _command(command: Any, name: str, parent: Any) -> list[str]:
    context = command.make_context(name, [], parent=parent, resilient_parsing=True)
    sections = [_section(command, context)]
    for sub in getattr(command, "commands", {}):
        sections += _command(command.get_command(context, sub), sub, context)
    return sections


def _section(command: Any, context: Any) -> str:
    context.terminal_width = 88
    return f"## {context.command_path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"


def _exit_codes() -> str:
    rows = [f"| {code.value} | {code.explanation} |" for code in ExitCode]
    return "\n".join(["## Exit codes", "", "| code | meaning |", "|---|---|", *rows, ""])


if __name__ == "__main__":
    sys.exit(keep(TARGET.parent, {TARGET.name: reference}))
