"""`muxi init`: a project file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app

app = new_app()


@app.command()
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the project; made if need be.")
    ] = Path(),
    force: Annotated[
        bool, typer.Option("--force", help="Replace a muxi.yaml; the old one is kept aside.")
    ] = False,
) -> None:
    """Write a small commented muxi.yaml.

    Its path is printed. `muxi up` or `muxi chat` in that folder then use it.
    """
    from muxi.config.project import PROJECT_FILE
    from muxi.config.starter import write_starter
    from muxi.core.errors import MuxiError

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if force and (folder / PROJECT_FILE).exists():
            output.say(f"The old file is now {_set_aside(folder / PROJECT_FILE)}.")
        file = write_starter(folder)
    except OSError as error:
        raise MuxiError(
            f"{folder} cannot be written: {error.strerror}.", hint="Choose another folder."
        ) from error
    output.line(str(file))
    output.say("Next: `muxi chat` talks with its agent, `muxi up` serves it.")


def _set_aside(file: Path) -> Path:
    """Rename a file to the first free of `NAME.old`, `NAME.old.2`, …"""
    aside = file.with_name(f"{file.name}.old")
    number = 2
    while aside.exists():
        aside = file.with_name(f"{file.name}.old.{number}")
        number += 1
    return file.rename(aside)
