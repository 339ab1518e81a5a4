"""The tool `run_command`: programs that the project allows, one at a time and without a shell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from muxi.config.local_tool_settings import ShellTool
from muxi.core.manifests import Permissions, SecretNeed, ToolManifest
from muxi.tools.builtin.command_line import check_allowed, words_of
from muxi.tools.builtin.programs import (
    Bounds,
    Finished,
    found_program,
    plain_environment,
    run_program,
)
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="shell",
    version="1.0.0",
    summary="Runs programs that the project allows, each after a person has agreed.",
    tools=ShellTool.functions,
    permissions=Permissions(files="write", network=("*",), processes=True),
    secrets=(SecretNeed(name="env", description="Values of variables for the programs."),),
    notes=(
        "It is no sandbox: a program may do whatever your user may. It is there only if `commands`"
        " names what may be run, and gets no variable of the environment but PATH, HOME and the"
        " like. Its processes are killed when the call is over; on Linux also those that left"
        " its group, unless they have wiped their environment."
    ),
)

EXAMPLES: Examples = (
    ("Run git status", {"command": "git status"}),
    ("List the files with ls -la", {"command": "ls -la"}),
    ("Execute pytest tests/test_api.py please", {"command": "pytest tests/test_api.py"}),
    ("How much space is left? Try df -h", {"command": "df -h"}),
)

_WAYS = {
    "time": "It took longer than {seconds:g} s and was ended with all that it had started.",
    "processes": "It started more than {processes} processes and was ended with all of them.",
}


def make_shell(
    commands: Sequence[str],
    *,
    folder: Path,
    approval: bool = True,
    environment: Mapping[str, str] | None = None,
    timeout: float = 60.0,
    max_output: int = 40_000,
    max_processes: int = 200,
) -> list[FunctionTool[..., Any]]:
    """The tool that runs programs.

    Args:
        commands: What may be run; see `ShellTool.commands`.
        folder: Where commands run.
        approval: Whether a person must agree before each command.
        environment: Variables for the programs beside the plain ones.
        timeout: Seconds after which a command is ended.
        max_output: Bytes of output that are given back.
        max_processes: Processes of one command at once, on Linux.
    """
    bounds = Bounds(seconds=timeout, output=max_output, processes=max_processes)

    @tool(
        title="Run a command",
        read_only=False,
        destructive=True,
        open_world=True,
        approval=approval,
        examples=EXAMPLES,
        timeout=timeout + 15,
        max_bytes=max_output + 1_000,
    )
    async def run_command(command: str) -> str:
        """Run one program and give what it writes. There are no pipes, redirections or variables.

        Args:
            command: The program with its arguments, such as `git status`.
        """
        words = words_of(command)
        check_allowed(words, commands)
        variables = {**plain_environment(), **(environment or {})}
        place = found_program(words[0], variables)
        done = await run_program(
            [place, *words[1:]], folder=folder, environment=variables, bounds=bounds
        )
        return _told(done, bounds)

    return [run_command]


def shell_tools(settings: ShellTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The tool that runs the programs which a project allows."""
    return make_shell(
        settings.commands,
        folder=setup.folder / Path(settings.cwd).expanduser(),
        approval=settings.approval,
        environment={name: setup.secrets[f"env.{name}"] for name in settings.env},
        timeout=settings.timeout,
        max_output=settings.max_output,
        max_processes=settings.max_processes,
    )


def _told(done: Finished, bounds: Bounds) -> str:
    output = done.output.rstrip()
    if done.ended == "itself":
        way = f"Exit code {done.code}, {done.seconds:.1f} s."
    else:
        way = _WAYS[done.ended].format(seconds=bounds.seconds, processes=bounds.processes)
    return f"{output}\n[{way}]" if output else f"[{way}]"
