"""`muxi secrets`: keys and passwords that the project refers to as `secret://NAME`.

Values go in and never come out: no command shows one.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, ProjectOption

app = new_app(help="Store keys that the project refers to.")

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Name of the secret, such as OPENAI_API_KEY.")
]


@app.command("set")
def set_secret(name: NameArgument, project: ProjectOption = None) -> None:
    """Store a secret, encrypted.

    The value is asked for and not shown while it is typed; from a pipe, it is the whole of
    standard input. It is never given on the command line, where others could read it.
    """
    from muxi.cli.session import Session, in_session

    value = read_secret(f"Value of {name}")

    async def work(session: Session) -> None:
        await session.client.secrets.put(name, value)

    in_session(project, work)
    output.say(f"Stored {name}.")


@app.command("list")
def list_secrets(json: JsonOption = False, project: ProjectOption = None) -> None:
    """List the names of the stored secrets, never their values."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> list[str]:
        return await session.client.secrets.names()

    names = in_session(project, work)
    if json:
        output.as_json(names)
        return
    for name in names:
        output.line(name)


@app.command("delete")
def delete_secret(name: NameArgument, project: ProjectOption = None) -> None:
    """Delete a stored secret."""
    from muxi.cli.session import Session, in_session

    async def work(session: Session) -> None:
        await session.client.secrets.delete(name)

    in_session(project, work)
    output.say(f"Deleted {name}.")


@app.command("rotate-key")
def rotate_key(json: JsonOption = False, project: ProjectOption = None) -> None:
    """Change the master key that all secrets are sealed with.

    Values stay as they are. A change that was broken off, at any moment, is finished at the next
    start or by this command.
    """
    from muxi.cli.session import Session, in_session
    from muxi.core.status import KeyRotation

    async def work(session: Session) -> KeyRotation:
        return await session.client.secrets.rotate_key()

    done = in_session(project, work)
    if json:
        output.as_json(done.model_dump(mode="json"))
        return
    output.say(f"The master key is {done.key_id} now; {done.rewrapped} secrets went on to it.")
    if done.note:
        output.say(done.note)


def read_secret(question: str) -> str:
    """A value that is typed unseen, or that comes through a pipe.

    Raises:
        typer.BadParameter: It is empty.
    """
    if output.is_terminal(sys.stdin):
        value = typer.prompt(question, hide_input=True, err=True, default="", show_default=False)
    else:
        value = sys.stdin.buffer.read().decode("utf-8", "replace")
    value = value.strip()
    if not value:
        raise typer.BadParameter("The value is empty.")
    return value
