"""`muxi mcp add`: a tool, resource or prompt more for a server that muxi made."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app

app = new_app()


class _Kind(StrEnum):
    TOOL = "tool"
    RESOURCE = "resource"
    PROMPT = "prompt"


@app.command("add")
def add(
    kind: Annotated[_Kind, typer.Argument(metavar="KIND", help="tool, resource or prompt.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as in `find_parcel`.")],
    *,
    description: Annotated[
        str | None,
        typer.Option("--description", "-d", help="What it does, in one sentence for the model."),
    ] = None,
    server: Annotated[
        Path | None,
        typer.Option(
            "--server", metavar="DIR", help="A folder of the server; else the current one."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the files, and write nothing.")
    ] = False,
) -> None:
    """Add a tool, resource or prompt to a server that muxi made.

    It gets code that works, a test, a case, a line in the README and an entry in the lock. The
    files are printed. Nothing is changed if the server would not start with it.
    """
    from muxi.devkit.create.additions import add as write
    from muxi.devkit.create.additions import plan_addition, server_around
    from muxi.devkit.tools_lock import TOOLS_LOCK

    found = server_around(server or Path())
    addition = plan_addition(found, kind.value, name, description)
    if dry_run:
        paths = [found.folder / path for path in (*addition.files, TOOLS_LOCK)]
    else:
        paths = write(addition)
    for path in paths:
        output.line(str(path))
