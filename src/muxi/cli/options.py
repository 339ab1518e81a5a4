"""Options that several commands share, worded once. Imported at load, so it stays light."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-p",
        metavar="PATH",
        envvar="MUXI_PROJECT",
        help="Project folder or its muxi.yaml; else this folder.",
    ),
]
UserOption = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="ID",
        envvar="MUXI_USER",
        help="Act for this user; else for yourself, who is `local`.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NoBrowserOption = Annotated[bool, typer.Option("--no-browser", help="Do not open a browser.")]
AgentOption = Annotated[
    str | None,
    typer.Option("--agent", "-a", metavar="AGENT", help="The agent to ask; else the default one."),
]


def as_user(user: str | None) -> str:
    """What a command that is proposed to a person needs to be for the same user."""
    return "" if user is None else f" --user {shlex.quote(user)}"
