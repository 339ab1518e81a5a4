"""`muxi mcp list` and `muxi mcp lock TARGET`: what one server offers, and whether it still does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.check_exits import CheckExit, reached
from muxi.cli.mcp_options import (
    EnvOption,
    HeaderOption,
    PythonOption,
    RevisionOption,
    TimeoutOption,
    TransportOption,
    target_of,
)
from muxi.cli.options import JsonOption, ProjectOption

if TYPE_CHECKING:
    from muxi.devkit.survey import Survey
    from muxi.devkit.target import Target, Transport

app = new_app(help="List what a server offers.")


@app.command("list")
def list_surface(
    target: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TARGET]", help="A server, as for `test`; else those of this project."
        ),
    ] = None,
    *,
    transport: TransportOption = None,
    revision: RevisionOption = None,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
    json: JsonOption = False,
    project: ProjectOption = None,
) -> int:
    """List this project's MCP servers, or what one server offers."""
    if not target:
        from muxi.cli.mcp_servers import show_status

        return show_status(None, json=json, project=project)
    server = target_of(target, env=env, header=header, python=python)

    def work() -> CheckExit:
        way = None if transport is None else transport.value
        era = None if revision is None else revision.value
        found = asyncio.run(_surveyed(server, way, era, timeout))
        _print(found, json=json)
        return CheckExit.OK

    return reached(work)


def lock_target(words: Sequence[str], *, check: bool, json: bool) -> int:
    """Lock what one server offers in its tools.lock.json, or tell how it differs from that."""
    server = target_of(words)

    def work() -> CheckExit:
        from muxi.devkit.surface_lock import changes, write
        from muxi.devkit.tools_lock import TOOLS_LOCK

        file = (server.folder or Path()) / TOOLS_LOCK
        surface = asyncio.run(_surveyed(server, None, None, 30.0)).surface
        found = changes(surface, file)
        if json:
            output.as_json(
                [{"kind": c.kind, "name": c.name, "change": c.change, "difference": c.difference}
                 for c in found]
            )  # fmt: skip
        else:
            for change in found:
                output.line(f"{change.change} {change.kind} {output.unmasked(change.name)}")
                if change.change == "changed" or check:
                    output.line(output.unmasked(change.difference))
        if check:
            output.say(f"{file}: {'something else' if found else 'as it was'}.")
            return CheckExit.FINDINGS if found else CheckExit.OK
        write(surface, file)
        output.say(f"{file} is written.")
        return CheckExit.OK

    return reached(work)


async def _surveyed(
    server: Target, transport: Transport | None, revision: str | None, patience: float
) -> Survey:
    from muxi.devkit.connect import connected
    from muxi.devkit.survey import check_listed, survey

    async with connected(server, transport, revision, patience=patience, start=patience) as session:
        found = await survey(session)
    check_listed(found)
    return found


def _print(found: Survey, *, json: bool) -> None:
    from muxi.devkit.session import Listed

    kinds: tuple[Listed, ...] = get_args(Listed)
    if json:
        output.as_json({kind: found.items(kind) for kind in kinds})
        return
    rows: list[tuple[str, str, str]] = []
    for kind in kinds:
        for item in found.items(kind):
            name = item.get("uriTemplate") or item.get("uri") or item.get("name")
            rows.append((kind.removesuffix("s"), str(name), str(item.get("description", ""))[:100]))
    output.table(("kind", "name", "description"), rows)
