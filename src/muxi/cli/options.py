"""Options that several commands share, worded once. Imported at load, so it stays light."""

from __future__ import annotations

import shlex
from datetime import datetime
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
TenantOption = Annotated[
    str | None,
    typer.Option(
        "--tenant",
        metavar="TENANT",
        envvar="MUXI_TENANT",
        help="Act in this tenant; else in the project's own.",
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


def instant(text: str) -> datetime:
    """A date or an instant in ISO 8601; without a zone it is one of this machine's.

    Raises:
        typer.BadParameter: It is neither.
    """
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            f"{text!r} is no date; write it as 2026-01-31 or 2026-01-31T18:30."
        ) from None
