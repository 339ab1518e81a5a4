"""`muxi mcp docs`: pages about a server, written from the running server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.check_exits import CheckExit, reached
from muxi.cli.mcp_options import (
    EnvOption,
    HeaderOption,
    PythonOption,
    TargetArgument,
    TimeoutOption,
    target_of,
)

app = new_app(help="Write pages about a server.")


@app.command("docs")
def docs(
    target: TargetArgument = None,
    *,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Where to; else docs/ of the server."
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if a page is stale.")
    ] = False,
    since: Annotated[
        Path | None,
        typer.Option(
            "--since",
            metavar="LOCK",
            exists=True,
            dir_okay=False,
            help="A tools.lock.json of an older version, for the list of changes.",
        ),
    ] = None,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
) -> int:
    """Write pages about a server, as Markdown and HTML, from the running server.

    Examples are the cases of its tests.yaml, and are asked while the page is written. The same
    server gives the same pages. Exit codes: 0 written or fresh, 1 stale, 2 usage, 3 the server
    cannot start, 4 it was too slow.
    """
    server = target_of(target, env=env, header=header, python=python)
    place = folder or (server.folder or Path()) / "docs"

    def work() -> CheckExit:
        from muxi.devkit.pages.book import gather
        from muxi.devkit.pages.markdown import markdown
        from muxi.devkit.pages.page import page
        from muxi.devkit.test_run import suite_in

        suite, _ = suite_in(server.folder)
        book = asyncio.run(gather(server, suite, patience=timeout, since=since))
        text = markdown(book)
        pages = {"server.md": text, "server.html": page(text, book.title)}
        if check:
            return _check(place, pages)
        place.mkdir(parents=True, exist_ok=True)
        for name, content in pages.items():
            (place / name).write_text(content, encoding="utf-8")
            output.line(str(place / name))
        return CheckExit.OK

    return reached(work)


def _check(place: Path, pages: dict[str, str]) -> CheckExit:
    stale = [
        str(place / name)
        for name, content in pages.items()
        if not (place / name).is_file() or (place / name).read_text(encoding="utf-8") != content
    ]
    for name in stale:
        output.line(f"stale: {name}")
    output.say("`muxi mcp docs` writes them anew." if stale else "All pages are fresh.")
    return CheckExit.FINDINGS if stale else CheckExit.OK
