"""`muxi snapshots`: the copies of the database that are made before each migration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption
from muxi.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from muxi.config.secret import SecretRef
    from muxi.runtime.state import StateFolder
    from muxi.storage.snapshots import Snapshot

app = new_app(help="List and restore copies of the database.")


@app.command("list")
def list_snapshots(json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the snapshots, the newest first."""
    from muxi.cli.session import state_of

    found = _snapshots(state_of(project))
    if json:
        output.as_json(
            [
                {
                    "name": each.path.name,
                    "path": str(each.path),
                    "schema": each.schema,
                    "taken_at": each.taken_at.isoformat(),
                    "size": each.size,
                }
                for each in found
            ]
        )
        return
    rows = [
        (
            each.path.name,
            f"{each.taken_at.astimezone():%Y-%m-%d %H:%M}",
            f"schema {each.schema}",
            f"{each.size / 1e6:.1f} MB",
        )
        for each in found
    ]
    output.table(("snapshot", "taken at", "", "size"), rows)


@app.command("restore")
def restore(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `muxi snapshots list` shows it.")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    project: ProjectOption = None,
) -> int:
    """Put a snapshot in the place of the database.

    What was stored since is then not used any more; the replaced file is kept, and its path is
    printed. No process may own the project.
    """
    from muxi.cli.session import state_of
    from muxi.config.load import load_project
    from muxi.runtime.owner import Ownership
    from muxi.storage.snapshots import Snapshots

    state = state_of(project)
    wanted = next((each for each in _snapshots(state) if each.path.name == name), None)
    if wanted is None:
        raise NotFound(
            f"There is no snapshot {name}.", hint="`muxi snapshots list` shows those there are."
        )
    database = database_file(load_project(project).storage.url, state)
    if database is None:
        raise InvalidInput(
            "Only a SQLite file can be restored from a snapshot.",
            hint="Use the backups of your PostgreSQL server.",
        )
    if not yes and not output.agreed(f"Go back to {wanted.taken_at.astimezone():%Y-%m-%d %H:%M}?"):
        output.say("Nothing was changed.")
        return ExitCode.FAILED
    ownership = Ownership.take(state)
    try:
        replaced = Snapshots(state.snapshots).restore(wanted, database)
    finally:
        ownership.release()
    if replaced is not None:
        output.line(str(replaced))
    output.say(f"{database} is now as it was at {wanted.taken_at.astimezone():%Y-%m-%d %H:%M}.")
    return ExitCode.OK


def _snapshots(state: StateFolder) -> list[Snapshot]:
    from muxi.storage.snapshots import Snapshots

    return Snapshots(state.snapshots).list()


def database_file(url: SecretRef | None, state: StateFolder) -> Path | None:
    """The SQLite file of the project, if its database is one."""
    from muxi.storage.database import sqlite_path

    address = None if url is None else url.reveal()
    if address is None:
        return state.database
    return sqlite_path(address) if address.startswith("sqlite:") else None
