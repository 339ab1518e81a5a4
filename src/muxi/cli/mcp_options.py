"""Options that the commands of the kit share, and the target that they make. It stays light."""

from __future__ import annotations

import os
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from muxi.devkit.target import Target


class TransportName(Enum):
    """`devkit.target.Transport`, for a command line."""

    MEMORY = "memory"
    STDIO = "stdio"
    HTTP = "http"


class RevisionName(Enum):
    """`devkit.cases.Revision`, for a command line."""

    JUNE_2025 = "2025-06-18"
    NOVEMBER_2025 = "2025-11-25"
    JULY_2026 = "2026-07-28"


TargetArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="TARGET",
        help="The server: a .py file, module:object, command, URL, server.json, mcp.json#name, "
        "or folder. By default this folder.",
    ),
]
OneTargetArgument = Annotated[
    str,
    typer.Argument(metavar="TARGET", help="The server, as for `test`; a command line is quoted."),
]
TransportsOption = Annotated[
    list[TransportName] | None,
    typer.Option("--transport", help="Only over this; may be given again."),
]
RevisionsOption = Annotated[
    list[RevisionName] | None,
    typer.Option("--revision", help="Only in this revision of MCP; may be given again."),
]
TransportOption = Annotated[
    TransportName | None, typer.Option("--transport", help="How to speak to it.")
]
RevisionOption = Annotated[
    RevisionName | None,
    typer.Option("--revision", help="In which revision of MCP; else the newest that it speaks."),
]
EnvOption = Annotated[
    list[str] | None,
    typer.Option(
        "--env", "-e", metavar="NAME[=VALUE]", help="For the server; without a value, this one's."
    ),
]
HeaderOption = Annotated[
    list[str] | None,
    typer.Option("--header", "-H", metavar="NAME: VALUE", help="Sent with each request to a URL."),
]
PythonOption = Annotated[
    str | None,
    typer.Option(
        "--python", metavar="PATH", help="Interpreter for a .py file; else its project's .venv."
    ),
]
TimeoutOption = Annotated[
    float, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="For each answer.")
]
JUnitOption = Annotated[
    Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML there.")
]
SarifOption = Annotated[
    Path | None, typer.Option("--sarif", metavar="FILE", help="Write SARIF 2.1.0 there.")
]


CasesOption = Annotated[
    Path | None,
    typer.Option("--cases", "-c", metavar="FILE", help="The cases; else its tests.yaml."),
]
RepeatOption = Annotated[
    int, typer.Option("--repeat", min=1, max=10_000, help="Ask each so often, for latency.")
]
FuzzOption = Annotated[
    bool, typer.Option("--fuzz", help="Try made-up arguments on tools that only read.")
]
DestructiveOption = Annotated[
    bool, typer.Option("--allow-destructive", help="Let --fuzz call every tool.")
]
ToolsOption = Annotated[
    list[str] | None, typer.Option("--tool", metavar="NAME", help="Fuzz only this tool.")
]
SeedOption = Annotated[int, typer.Option("--seed", min=0, help="Of --fuzz.")]
ExamplesOption = Annotated[
    int, typer.Option("--examples", min=1, help="Of each property and tool, for --fuzz.")
]
SnapshotOption = Annotated[
    bool, typer.Option("--snapshot", help="Compare answers with the recorded ones.")
]
UpdateSnapshotOption = Annotated[
    bool, typer.Option("--update-snapshot", help="Record the answers anew.")
]
IgnoreOption = Annotated[
    list[str] | None, typer.Option("--ignore", metavar="RULE", help="Leave this rule out.")
]
StrictOption = Annotated[bool, typer.Option("--strict", help="Let warnings count as errors.")]
CallsOption = Annotated[bool, typer.Option("--calls/--no-calls", help="Call tools that only read.")]
ConformanceOption = Annotated[
    bool, typer.Option("--conformance", help="Run the official suite as well.")
]
RulesOption = Annotated[bool, typer.Option("--rules", help="Print all rules and stop.")]
AllOption = Annotated[bool, typer.Option("--all", help="Show what is in order, too.")]


def target_of(
    words: Sequence[str] | None,
    *,
    env: Sequence[str] | None = None,
    header: Sequence[str] | None = None,
    python: str | None = None,
    folder: Path | None = None,
) -> Target:
    """The server that a command line names.

    Raises:
        InvalidInput: It names none.
        typer.BadParameter: A variable or a header is not written as such.
    """
    from muxi.devkit.target import parse_target

    return parse_target(
        tuple(words or (".",)),
        python=python,
        folder=folder,
        env=dict(map(_variable, env or ())),
        headers=dict(map(_header, header or ())),
    )


def _variable(text: str) -> tuple[str, str]:
    name, given, value = text.partition("=")
    if not given:
        found = os.environ.get(name)
        if found is None:
            raise typer.BadParameter(f"The environment has no variable {name}.")
        return name, found
    return name, value


def _header(text: str) -> tuple[str, str]:
    name, given, value = text.partition(":")
    if not given or not name.strip():
        raise typer.BadParameter(f"{text!r} is no header; write it as `Name: value`.")
    return name.strip(), value.strip()
