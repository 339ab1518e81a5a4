"""The parts of `muxi bench server`, and whose servers they measure. Called by the command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from muxi.cli.bench import processes
from muxi.cli.bench.figures import MUXI, Found, Options
from muxi.cli.bench.flood import measure_flood
from muxi.cli.bench.listing import fill, measure_lists
from muxi.cli.bench.measures import (
    measure_gathered,
    measure_soak,
    measure_sockets,
    measure_streams,
    measure_telling,
    measure_turns,
)
from muxi.cli.bench.peers import PEERS
from muxi.cli.bench.processes import Server
from muxi.core.errors import MuxiError
from muxi.server.descriptors import raise_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One measurement, of a fresh server."""

    measure: Callable[[Server, str, Options], Found]
    peers: bool = False
    """Whether servers of others have anything like it."""
    sockets: bool = False
    """Whether it takes a WebSocket."""
    gather: float = 0.0
    fills: bool = False
    """Whether the database is written beforehand."""


PARTS: Final = {
    "turns": Part(measure=measure_turns, peers=True),
    "soak": Part(measure=measure_soak, peers=True),
    "streams": Part(measure=measure_streams, peers=True),
    "gathered": Part(measure=measure_gathered, gather=0.05),
    "sockets": Part(measure=measure_sockets, peers=True, sockets=True),
    "telling": Part(measure=measure_telling),
    "flood": Part(measure=measure_flood),
    "lists": Part(measure=measure_lists, fills=True),
}


def measure(
    names: Sequence[str], options: Options, pythons: Mapping[str, str]
) -> Iterator[dict[str, dict[str, dict[str, float]]]]:
    """Figures by load, then by whose server, of one part after the other.

    Args:
        names: Which parts.
        options: How much.
        pythons: The interpreter of each peer that is measured too.
    """
    raise_limit()
    for name in names:
        part = PARTS[name]
        found: dict[str, dict[str, dict[str, float]]] = {}
        for who in [MUXI, *(pythons if part.peers else ())]:
            if who != MUXI and part.sockets and PEERS[who].talk.socket is None:
                continue
            options.told(f"{name}: {who}")
            with (
                processes.provider() as upstream,
                _server(who, part, upstream, options, pythons) as server,
            ):
                for load, figures in part.measure(server, upstream, options).items():
                    found.setdefault(load, {})[who] = figures
        yield found


@contextmanager
def _server(
    who: str, part: Part, upstream: str, options: Options, pythons: Mapping[str, str]
) -> Generator[Server]:
    if who != MUXI:
        with processes.peer(PEERS[who], pythons[who], upstream) as server:
            yield server
        return
    filled = partial(fill, threads=options.threads, runs=options.runs) if part.fills else None
    with processes.muxi(upstream, memory=options.memory, gather=part.gather, fill=filled) as server:
        yield server


def interpreters(given: Sequence[str]) -> dict[str, str]:
    """Of `NAME=PYTHON`, or of a name alone, for what needs no more than muxi itself does.

    Raises:
        MuxiError: There is no such peer, or no such program.
    """
    found: dict[str, str] = {}
    for each in given:
        name, _, python = each.partition("=")
        if name not in PEERS:
            raise MuxiError(f"There is no peer {name!r}: {', '.join(PEERS)}.")
        if python and not Path(python).exists():
            raise MuxiError(f"There is no {python}.")
        found[name] = python or sys.executable
    return found
