"""`muxi mcp list|status|logs|restart|install`: the servers whose tools the project's agents use."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.exits import ExitCode
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.cli.session import Session
    from muxi.core.servers import ServerInfo

app = new_app(help="Look after the MCP servers of this project.")

ServerArgument = Annotated[
    str, typer.Argument(metavar="SERVER", help="Name of a server in muxi.yaml.")
]


@app.command("status")
def show_status(
    server: Annotated[
        str | None, typer.Argument(metavar="[SERVER]", help="One server; all in short without it.")
    ] = None,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> int:
    """Show how the MCP servers of this project are doing."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[ServerInfo]:
        if server is None:
            return await session.client.mcp.servers()
        return [await session.client.mcp.server(server)]

    servers = in_session(project, work)
    if json:
        output.as_json([each.model_dump(mode="json", exclude_none=True) for each in servers])
    elif server is not None:
        _tell(servers[0])
    else:
        _table(servers)
    failed = any(each.state in ("failed", "waiting", "not_installed") for each in servers)
    return ExitCode.FAILED if failed else ExitCode.OK


@app.command("logs")
def show_log(
    server: ServerArgument,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, max=1_000, help="How many.")] = 100,
    project: ProjectOption = None,
) -> None:
    """Print the last words of an MCP server."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> list[str]:
        return await session.client.mcp.log(server, lines)

    said = in_session(project, work)
    for line in said:
        output.line(line)
    if not said:
        output.say(f"{server} has said nothing.")


@app.command("restart")
def restart_server(server: ServerArgument, project: ProjectOption = None) -> int:
    """End an MCP server and start it again."""
    from muxi.cli.session import in_session

    async def work(session: Session) -> ServerInfo:
        return await session.client.mcp.restart(server)

    info = in_session(project, work)
    if info.state != "ready":
        output.error(
            f"{server} did not start: {info.detail}", f"`muxi mcp logs {server}` has more."
        )
        return ExitCode.FAILED
    output.say(f"{server} is ready, with {len(info.tools)} tools.")
    return ExitCode.OK


@app.command("install")
def install_packages(
    servers: Annotated[
        list[str] | None,
        typer.Argument(metavar="SERVER", help="Only these; by default all that need it."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also those that are installed already.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Install the packages of MCP servers into environments of their own."""
    from muxi.config.load import load_project
    from muxi.config.project import STATE_FOLDER
    from muxi.core.errors import InvalidInput, NotFound
    from muxi.mcp.local import Places
    from muxi.runtime.state import StateFolder

    loaded = load_project(project)
    state = StateFolder(loaded.folder / STATE_FOLDER)
    state.prepare()
    places = Places(folder=loaded.folder, state=state.root)
    declared = loaded.mcp.servers
    for name in servers or ():
        if name not in declared:
            there = ", ".join(declared) or "none"
            raise NotFound(f"There is no MCP server {name}.", hint=f"There is: {there}.")
        if declared[name].packages is None:
            raise InvalidInput(
                f"The MCP server {name} declares no packages.",
                hint=f"Name them under `mcp.servers.{name}.packages` in muxi.yaml.",
            )
    count = 0
    for name in servers or declared:
        environment = places.environment(name, declared[name])
        if environment is None or (environment.installed and not again):
            continue
        output.say(f"Installing the packages of {name} …")
        asyncio.run(environment.install(lambda line: output.say(output.dim(f"  {line}"[:160]))))
        output.say(f"Installed {name}.")
        count += 1
    if not count:
        output.say("There is nothing to install.")


def _table(servers: list[ServerInfo]) -> None:
    rows = [
        (
            each.name,
            each.state,
            each.transport,
            each.protocol or "",
            str(len(each.tools)) if each.tools else "",
            each.detail or each.target,
        )
        for each in servers
    ]
    output.table(("server", "state", "transport", "revision", "tools", "detail"), rows)
    if not servers:
        output.say("This project has no MCP servers; `mcp.servers` in muxi.yaml names some.")


def _tell(info: ServerInfo) -> None:
    confined = {None: "", True: "to its permissions", False: "not at all"}[info.confined]
    rows = [
        ("state", info.state),
        ("detail", info.detail),
        ("target", f"{info.transport} {info.target}"),
        ("server", " ".join(filter(None, (info.server, info.version)))),
        ("revision", info.protocol or ""),
        ("process", str(info.pid or "")),
        ("since", info.since.isoformat(timespec="seconds") if info.since else ""),
        ("calls", f"{info.calls}, of which {info.failures} were lost"),
        ("restarts", str(info.restarts)),
        ("confined", confined),
        ("held back", str(info.held_back) if info.held_back else ""),
        *(("note", note) for note in info.notes),
        *(("refused", f"{name}: {why}") for name, why in info.refused.items()),
        *(("tool", f"{tool.name}  {tool.description}"[:120]) for tool in info.tools),
    ]
    output.fields([(name, value) for name, value in rows if value])
