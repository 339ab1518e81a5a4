"""`muxi create mcp-server`: asks what is not said, and writes a server."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app

if TYPE_CHECKING:
    from muxi.devkit.create.answers import Given

app = new_app()

_Folder = Annotated[
    Path | None, typer.Argument(metavar="DIR", help="Folder to make; by default ./NAME.")
]
_Name = Annotated[str | None, typer.Option("--name", "-n", help="Its name, as in `parcel-desk`.")]
_Description = Annotated[
    str | None, typer.Option("--description", "-d", help="What it is for, in one sentence.")
]
_Template = Annotated[
    str | None, typer.Option("--template", "-t", help="What it starts as; --list shows all.")
]
_Language = Annotated[str | None, typer.Option("--language", "-l", help="python or typescript.")]
_Transport = Annotated[
    str | None, typer.Option("--transport", help="stdio or http: what it serves by default.")
]
_Auth = Annotated[str | None, typer.Option("--auth", help="none or oauth (over HTTP).")]
_Framework = Annotated[
    str | None,
    typer.Option("--framework", help="mcp (the official SDK alone) or fastmcp, for Python."),
]
_Python = Annotated[
    str | None, typer.Option("--python", help="Oldest Python that it runs on, from 3.11.")
]
_License = Annotated[
    str | None, typer.Option("--license", help="MIT, Apache-2.0, BSD-3-Clause or none.")
]
_Namespace = Annotated[
    str | None, typer.Option("--namespace", help="Your domain in reverse, to publish it under.")
]
_OpenApi = Annotated[
    Path | None,
    typer.Option("--openapi", metavar="FILE", help="OpenAPI document, for that template."),
]
_Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="Only operations with this tag; repeatable.")
]
_Operations = Annotated[
    list[str] | None, typer.Option("--operation", help="Only this operation; repeatable.")
]
_Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many operations.")]
_Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Ask nothing; take defaults for what is not said.")
]
_Force = Annotated[
    bool, typer.Option("--force", help="Take the place of a folder, which is kept aside.")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="List the files, and write nothing.")]
_List = Annotated[bool, typer.Option("--list", help="List the templates.")]


@app.command()
def mcp_server(
    folder: _Folder = None,
    *,
    name: _Name = None,
    description: _Description = None,
    template: _Template = None,
    language: _Language = None,
    transport: _Transport = None,
    auth: _Auth = None,
    framework: _Framework = None,
    python: _Python = None,
    license: _License = None,
    namespace: _Namespace = None,
    openapi: _OpenApi = None,
    tag: _Tags = None,
    operation: _Operations = None,
    limit: _Limit = None,
    yes: _Yes = False,
    force: _Force = False,
    dry_run: _DryRun = False,
    templates: _List = False,
) -> None:
    """Make an MCP server from a template.

    It comes with tests, types, a lock of its tools, a Dockerfile and continuous integration.
    Nothing is fetched and nothing is written outside of the new folder, whose path is printed.
    """
    from muxi.devkit.create.answers import Given

    if templates:
        _list_templates()
        return
    given = Given(
        name=name,
        description=description,
        template=template,
        language=language,
        transport=transport,
        auth=auth,
        framework=framework,
        python=python,
        license=license,
        namespace=namespace,
        openapi=openapi,
        tags=tuple(tag or ()),
        operations=tuple(operation or ()),
        limit=limit,
    )
    _make(given, folder, ask=not yes, force=force, dry_run=dry_run)


def _make(given: Given, folder: Path | None, *, ask: bool, force: bool, dry_run: bool) -> None:
    from dataclasses import replace

    from muxi.devkit.create.answers import completed
    from muxi.devkit.create.names import proposed_name
    from muxi.devkit.create.placing import place_at
    from muxi.devkit.create.server import create_server, plan_server

    if folder is not None:
        place_at(folder, force=force)  # to refuse it before anything is asked
        if given.name is None and not ask:
            given = replace(given, name=proposed_name(folder.absolute().name))
    if ask:
        from muxi.cli.create_questions import asked

        given = asked(given, folder)
    answers = completed(given)
    folder = folder or Path(answers.names.name)
    place = place_at(folder, force=force)
    plan = plan_server(answers)
    for note in plan.notes:
        output.say(note)
    if dry_run:
        for path in plan.paths:
            output.line(str(folder / path))
        return
    create_server(plan, place)
    output.line(str(folder))
    if place.aside is not None:
        output.say(f"What was there is now {place.aside}.")
    output.say(f"The same again: {answers.command(folder)}")
    install = "make install test" if answers.language == "python" else "npm ci && npm test"
    output.say(f"Next: cd {shlex.quote(str(folder))} && {install}")


def _list_templates() -> None:
    from muxi.devkit.create.catalogue import TEMPLATES

    output.table(
        ("template", "languages", "fastmcp", "what it is"),
        [
            (
                each.name,
                ", ".join(each.languages),
                "no" if each.not_in_fastmcp else "yes",
                each.summary,
            )
            for each in TEMPLATES.values()
        ],
    )
