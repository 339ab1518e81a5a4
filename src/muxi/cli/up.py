"""`muxi up`: the server and its dashboard, until Ctrl-C."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption, NoBrowserOption, ProjectOption
from muxi.core.version import __version__

if TYPE_CHECKING:
    from muxi.config.project import Project
    from muxi.config.server_settings import LogSettings
    from muxi.core.status import ServerStatus
    from muxi.runtime.build import Runtime
    from muxi.server.serve import Server

app = new_app()

_EXPOSED = (
    "what goes over the network is not encrypted. Set `server.tls` in muxi.yaml, or let a proxy "
    "speak HTTPS and declare it under `server.proxies`."
)


@app.command()
def up(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="TCP port, 0 for any free one; else 5050.",
            show_default=False,
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(
            "--host",
            help="Address to listen on, 0.0.0.0 for every network; else 127.0.0.1.",
            show_default=False,
        ),
    ] = None,
    no_browser: NoBrowserOption = False,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> None:
    """Start the server and the dashboard of this project.

    Prints where it is and a link that signs one browser in, and opens that link where there is a
    desktop. Ctrl-C ends it once what runs has stopped; a second Ctrl-C ends it at once.
    """
    from muxi.cli import interrupts
    from muxi.cli.weights import prepare_weights
    from muxi.config.load import load_project

    loaded = load_project(project)
    prepare_weights(loaded)
    interrupts.run(
        _serve(
            loaded,
            host=host or loaded.server.host,
            port=loaded.server.port if port is None else port,
            browser=not no_browser and not json,
            json=json,
        )
    )


async def _serve(project: Project, *, host: str, port: int, browser: bool, json: bool) -> None:
    from muxi.cli.browser import desktop_is_here, open_page
    from muxi.runtime.principal import LOCAL
    from muxi.server.serve import serve_until_stopped
    from muxi.telemetry.logs import set_up_logs

    def write_logs(logs: LogSettings) -> None:
        set_up_logs(logs.level.upper(), as_json=logs.format == "json")

    write_logs(project.server.logs)
    runtime = await _become_owner(project)
    runtime.reloading.on_logs = write_logs
    opening: list[asyncio.Future[bool]] = []
    try:
        status = await runtime.status(LOCAL)

        async def started(server: Server) -> None:
            link = await server.login_link()
            _announce(server, link, status, json=json)
            runtime.warming.begin()
            if browser and desktop_is_here():
                # Some browsers hold on to the program that starts them.
                opening.append(asyncio.ensure_future(asyncio.to_thread(open_page, link)))

        await serve_until_stopped(runtime, host=host, port=port, started=started)
        if not json:
            output.say("Stopped.")
    finally:
        await runtime.close()


async def _become_owner(project: Project) -> Runtime:
    """The runtime of this process.

    Raises:
        ProjectInUse: Another process is the owner; the hint says how to reach or end it.
    """
    from muxi.core.errors import ProjectInUse
    from muxi.runtime.build import open_runtime

    try:
        return await open_runtime(project)
    except ProjectInUse as error:
        pid, url = error.details.get("pid"), error.details.get("url")
        if url is None:
            hint = "Leave the chat or command that is it, and start again."
            raise ProjectInUse(error.message, hint=hint, **error.details) from None
        raise ProjectInUse(
            f"Process {pid} serves this project already, at {url}.",
            hint="`muxi open` signs a browser in there.",
            **error.details,
        ) from None


def _announce(server: Server, link: str, status: ServerStatus, *, json: bool) -> None:
    url = server.url or ""
    if json:
        output.as_json(
            {"url": url, "login": link, **status.model_dump(mode="json", exclude_none=True)}
        )
        return
    output.say(f"muxi {__version__} serves {status.project}. Ctrl-C stops it.\n")
    output.fields([("dashboard", url), ("sign in", link)])
    output.say(
        f"{output.dim('           once, within a quarter of an hour; `muxi open` gives another')}"
    )
    if server.exposed:
        output.say(f"{output.bold('note')}: {_EXPOSED}")
    output.say(f"model      {status.model.model or status.model.name}")
    if status.model.note:
        output.say(f"{output.bold('note')}: {output.plain(status.model.note)}")
