"""`muxi create tool|agent`: parts of a project of muxi."""

from __future__ import annotations

from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import ProjectOption

app = new_app(help="Make parts of a project.")

_Description = Annotated[
    str | None, typer.Option("--description", "-d", help="What it does, in one sentence.")
]


@app.command("tool")
def tool(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as in `find_parcel`.")],
    *,
    description: _Description = None,
    project: ProjectOption = None,
) -> None:
    """Make a Python tool in this project.

    It gets code that works, cases for `muxi tool test`, and an entry in muxi.yaml, which is made
    if there is none. What was written is printed.
    """
    from muxi.devkit.create.project import create_tool

    *files, settings = create_tool(project, name, description)
    for path in (*files, settings):
        output.line(str(path))
    output.say(f"Test it: muxi tool test {files[0]} --cases {files[1]}")
    output.say(f"Give it to an agent: add {files[0].stem} to its `tools` in {settings}.")


@app.command("agent")
def agent(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Its name, as in `librarian`.")],
    *,
    description: _Description = None,
    tools: Annotated[
        list[str] | None, typer.Option("--tool", help="A tool that it may use; repeatable.")
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Make an agent in this project.

    It gets an entry in muxi.yaml, which is made if there is none. The file is printed.
    """
    from muxi.devkit.create.project import create_agent

    (settings,) = create_agent(project, name, description, tools or ())
    output.line(str(settings))
    output.say(f"Edit its instructions there, then: muxi chat --agent {name.replace('-', '_')}")
