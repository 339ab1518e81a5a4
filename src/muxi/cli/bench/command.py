"""`muxi bench`: measure what the server costs on this machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.options import JsonOption
from muxi.core.errors import MuxiError

app = new_app(
    help="Measure what the server costs on this machine.",
    epilog="Nothing leaves the machine: the model is a script that ships with muxi.",
)

_PARTS = ("turns", "streams", "sockets", "soak")


@app.callback()
def bench() -> None:
    """Measure what the server costs on this machine."""


@app.command()
def server(
    *,
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join(_PARTS)}; else all of them.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.2, help="For each load.")] = 5.0,
    sockets: Annotated[int, typer.Option(min=1, help="Idle WebSockets.")] = 1_000,
    streams: Annotated[int, typer.Option(min=1, help="Streams side by side.")] = 200,
    turns: Annotated[int, typer.Option(min=1, help="Turns in flight.")] = 500,
    gather: Annotated[
        float, typer.Option(min=0, max=1, help="`server.events.gather` of the server.")
    ] = 0.0,
    json: JsonOption = False,
) -> None:
    """Measure turns, streams, WebSockets, memory and CPU of `muxi up`.

    It starts a scripted model and a server on a project of its own in a temporary folder, both of
    them processes on this machine, and puts load on the server from this one. Linux only.
    """
    from muxi.cli.bench.measures import Options, measure

    if sys.platform != "linux":
        raise MuxiError("CPU and memory of the server are read from /proc, which is Linux's.")
    parts = only or list(_PARTS)
    if unknown := [part for part in parts if part not in _PARTS]:
        raise typer.BadParameter(f"There is no part {unknown[0]!r}: {', '.join(_PARTS)}.")
    options = Options(
        seconds=seconds,
        sockets=sockets,
        streams=streams,
        turns=turns,
        gather=gather,
        told=output.say,
    )
    found = measure(parts, options)
    if json:
        output.as_json(found)
        return
    output.table(
        ("LOAD", "FIGURE", "VALUE"),
        [
            (load, name, f"{value:,.2f}")
            for load, figures in found.items()
            for name, value in figures.items()
        ],
    )
