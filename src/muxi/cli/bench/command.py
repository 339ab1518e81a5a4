"""`muxi bench`: measure what the server costs on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
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

_PARTS = ("turns", "soak", "streams", "gathered", "sockets", "telling", "flood", "lists")
_PEERS = ("plain", "agno", "langgraph", "adk")


Only = Annotated[
    list[str] | None, typer.Option(help=f"One of {', '.join(_PARTS)}; else all of them.")
]
Beside = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME[=PYTHON]",
        help=f"Measure the server of another beside: {', '.join(_PEERS)}, "
        "in an interpreter that has it installed.",
    ),
]
Full = Annotated[bool, typer.Option("--full", help="All sizes as large as the goals are meant.")]
Memory = Annotated[bool, typer.Option("--memory", help="With long-term memory, which is off else.")]
Page = Annotated[
    Path | None, typer.Option(help="Write a dated page there, or one more chapter of it.")
]


@app.callback()
def bench() -> None:
    """Measure what the server costs on this machine."""


@app.command()
def server(
    *,
    only: Only = None,
    peer: Beside = None,
    full: Full = False,
    seconds: Annotated[float, typer.Option(min=0.2, help="For each load.")] = 5.0,
    sockets: Annotated[int, typer.Option(min=1, help="Idle WebSockets.")] = 1_000,
    streams: Annotated[int, typer.Option(min=1, help="Streams side by side.")] = 200,
    turns: Annotated[int, typer.Option(min=1, help="Turns in flight.")] = 500,
    connections: Annotated[int, typer.Option(min=1, help="Connections of a flood.")] = 10_000,
    threads: Annotated[int, typer.Option(min=20, help="Threads that are listed.")] = 100,
    runs: Annotated[int, typer.Option(min=1, help="Runs of each of them.")] = 100,
    memory: Memory = False,
    report: Page = None,
    json: JsonOption = False,
) -> None:
    """Measure turns, streams, WebSockets, lists, memory and CPU of `muxi up`.

    It starts a scripted model and a server on a project of its own in a temporary folder, both of
    them processes on this machine, and puts load on the server from this one. Linux only.
    """
    from muxi.cli.bench.figures import Options
    from muxi.cli.bench.figures import full as as_the_goals
    from muxi.cli.bench.parts import interpreters, measure
    from muxi.cli.bench.report import Report, Table, rows

    if sys.platform != "linux":
        raise MuxiError("CPU and memory of the server are read from /proc, which is Linux's.")
    parts = only or list(_PARTS)
    if unknown := [part for part in parts if part not in _PARTS]:
        raise typer.BadParameter(f"There is no part {unknown[0]!r}: {', '.join(_PARTS)}.")
    pythons = interpreters(peer or [])
    options = Options(
        seconds=seconds,
        sockets=sockets,
        streams=streams,
        turns=turns,
        connections=connections,
        threads=threads,
        runs=runs,
        memory=memory,
        told=output.say,
    )
    chapter = None if report is None else Report(report, _command(pythons, report), pythons)
    found: Table = {}
    for figures in measure(parts, as_the_goals(options) if full else options, pythons):
        found |= figures
        if chapter is not None:
            chapter.add(figures)
    if json:
        output.as_json(found)
        return
    output.table(("LOAD", "SERVER", "FIGURE", "VALUE"), list(rows(found)))


def _command(pythons: dict[str, str], report: Path | None) -> str:
    """What was called, without the folders of this machine."""
    words = " ".join(["muxi", *sys.argv[1:]])
    if report is not None:
        words = words.replace(str(report), report.name)
    for python in pythons.values():
        words = words.replace(f"={python}", "=PYTHON")
    return words
