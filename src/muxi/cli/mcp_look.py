"""`muxi mcp inspect`: what a server says of itself, in both eras of the protocol."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.check_exits import CheckExit, reached
from muxi.cli.mcp_options import (
    EnvOption,
    HeaderOption,
    PythonOption,
    RevisionsOption,
    TargetArgument,
    TimeoutOption,
    TransportOption,
    target_of,
)
from muxi.cli.options import JsonOption

if TYPE_CHECKING:
    from muxi.devkit.cases import Revision
    from muxi.devkit.inspection import Era, Inspection

app = new_app(help="Look at a server.")


@app.command("inspect")
def inspect(
    target: TargetArgument = None,
    *,
    transport: TransportOption = None,
    revision: RevisionsOption = None,
    wire: Annotated[
        bool, typer.Option("--wire", help="Show every message, with secrets masked.")
    ] = False,
    timing: Annotated[
        bool, typer.Option("--timing", help="With --json: how long everything took.")
    ] = False,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
    json: JsonOption = False,
) -> int:
    """Show what a server says of itself, in both eras of MCP.

    JSON is the same for the same server; times and messages are in it only if asked for.
    """
    from muxi.devkit.cases import DEFAULT_REVISIONS
    from muxi.devkit.inspection import inspection

    server = target_of(target, env=env, header=header, python=python)
    eras: list[Revision] = [each.value for each in revision or ()] or list(DEFAULT_REVISIONS)
    way = None if transport is None else transport.value

    def work() -> CheckExit:
        found = asyncio.run(inspection(server, way, eras, patience=timeout))
        if json:
            output.as_json(found.as_json(timing=timing, wire=wire))
        else:
            _show(found, wire=wire)
        return CheckExit.OK

    return reached(work)


def _show(found: Inspection, *, wire: bool) -> None:
    rows = [("", *(era.asked for era in found.eras))]
    rows += [(name, *(_told(era, name) for era in found.eras)) for name in _ROWS]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        output.line("  ".join(cells).rstrip())
    differing = set(found.differing())
    for name, hashes in found.hashes().items():
        mark = "  differs between the eras" if name in differing else ""
        output.line(f"{next(iter(hashes.values()))[:16]}  {name}{mark}")
    for era in found.eras:
        for anomaly in era.found.anomalies if era.found else ():
            output.line(f"! {era.asked}: {anomaly.kind}: {anomaly.text}")
    for era in found.eras if wire else ():
        output.line(f"\n{era.asked} over {found.transport}")
        for line in era.wire:
            output.line(line)


def _told(era: Era, row: str) -> str:
    if era.found is None:
        return f"no: {era.error.message[:60]}" if era.error and row == "answers" else ""
    found = era.found
    counts = {kind: str(len(listing.items)) for kind, listing in found.listings.items()}
    cells = {
        "answers": f"yes, {found.revision}",
        "name": str(found.info.get("name", "")),
        "version": str(found.info.get("version", "")),
        "title": str(found.info.get("title", "")),
        "capabilities": ", ".join(sorted(found.capabilities)),
        "extensions": ", ".join(sorted(found.extensions)),
        "instructions": f"{len(found.instructions)} characters" if found.instructions else "",
        "started in": f"{era.seconds['start'] * 1000:.0f} ms",
        **{f"{kind}": count for kind, count in counts.items()},
    }
    return cells.get(row, "")


_ROWS = (
    "answers",
    "name",
    "version",
    "title",
    "capabilities",
    "extensions",
    "instructions",
    "started in",
    "tools",
    "prompts",
    "resources",
    "templates",
)
