"""`muxi credentials`: a user's own keys and passwords for tools.

Values go in and never come out: no command shows one.
"""

from __future__ import annotations

from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption

app = new_app(help="Bring your own keys for tools.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the credential, such as GITHUB_TOKEN.")
]


@app.command("set")
def set_credential(name: NameArgument, project: ProjectOption = None) -> None:
    """Store a credential of your own, encrypted; your runs use it before the project's.

    The value is asked for and not shown while it is typed; from a pipe, it is the whole of
    standard input.
    """
    from muxi.cli.secrets import read_secret
    from muxi.cli.session import Session, in_session

    value = read_secret(f"Value of {name}")

    async def work(session: Session) -> None:
        await session.client.credentials.put(name, value)

    in_session(project, work)
    output.say(f"Stored your own {name}.")


@app.command("list")
def list_credentials(json: JsonOption = False, project: ProjectOption = None) -> None:
    """List what the project asks its users for, and what you have set."""
    from muxi.cli.session import Session, in_session
    from muxi.core.credentials import CredentialInfo

    async def work(session: Session) -> list[CredentialInfo]:
        return await session.client.credentials.list()

    found = in_session(project, work)
    if json:
        output.as_json([each.model_dump(mode="json") for each in found])
        return
    for each in found:
        given, lacking = (
            ("signed in", "not signed in") if each.kind == "login" else ("set", "not set")
        )
        state = given if each.updated_at else f"required, {lacking}" if each.required else lacking
        output.line(f"{each.name}  {state}" + (f"  {each.help}" if each.help else ""))


@app.command("delete")
def delete_credential(name: NameArgument, project: ProjectOption = None) -> None:
    """Forget a credential of your own."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.credentials.delete(name)

    in_session(project, work)
    output.say(f"Deleted your own {name}.")
