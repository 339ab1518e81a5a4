"""The figures of a measurement as a dated page. Called by the command, and never measures.

A page that is there already gets another chapter, so that a machine can be measured part by part.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from muxi.cli.bench.figures import MUXI, goal
from muxi.cli.bench.machine import machine, versions_in
from muxi.cli.bench.peers import PEERS

Table = dict[str, dict[str, dict[str, float]]]
"""Figures by load, then by whose server."""

_LIBRARIES = ("aiohttp", "pydantic", "SQLAlchemy", "uvicorn", "websockets")
_CONDITIONS = (
    "muxi asks for the key of a user with a role of the project, decides by roles and a policy,",
    "keeps three budgets, limits rates and writes its audit log. Servers of others have none of",
    "that. Percentiles are of single turns, words and pages; CPU is that of the server's process;",
    "the load, the scripted provider and the server share the cores.",
)


class Report:
    """A chapter of a page, which is begun if there is none; it grows with each part.

    Args:
        path: The page.
        command: What was called.
        pythons: Interpreters of the peers.
    """

    def __init__(self, path: Path, command: str, pythons: Mapping[str, str]) -> None:
        self._path = path
        began = datetime.now(UTC)
        lines = [] if path.exists() else _head(began)
        lines += ["", f"## {began:%H:%M} UTC: {', '.join([MUXI, *pythons])}", "", f"`{command}`"]
        lines += ["", f"- load of the machine when it began: {os.getloadavg()[0]:.1f}"]
        for name, python in pythons.items():
            versions = versions_in(python, PEERS[name].packages)
            lines.append(f"- **{name}** is {PEERS[name].what}; {versions}")
        self._append(lines)

    def add(self, found: Table) -> None:
        """Write figures down."""
        for load, servers in found.items():
            self._append(["", *_section(load, servers)])

    def _append(self, lines: list[str]) -> None:
        with self._path.open("a", encoding="utf-8") as page:
            page.write("\n".join(lines) + "\n")


def _head(began: datetime) -> list[str]:
    return [
        f"# The server under load, {began:%Y-%m-%d}",
        "",
        *_CONDITIONS,
        "",
        "| | |",
        "| --- | --- |",
        *(f"| {name} | {value} |" for name, value in machine(_LIBRARIES)),
    ]


def _section(load: str, servers: dict[str, dict[str, float]]) -> list[str]:
    """A table with a row for each figure."""
    names = dict.fromkeys(name for figures in servers.values() for name in figures)
    table = [["", "goal", *servers], ["---"] * (2 + len(servers))]
    for name in names:
        most = goal(load, name)
        cells = [shown(figures[name]) if name in figures else "" for figures in servers.values()]
        table.append([name, "" if most is None else f"≤ {shown(most)}", *cells])
    lines = (f"| {' | '.join(row)} |" for row in table)
    return [f"### {load[0].upper()}{load[1:]}", "", *lines]


def rows(found: Table) -> Iterator[tuple[str, str, str, str]]:
    """Load, server, name and value of each figure."""
    for load, servers in found.items():
        for who, figures in servers.items():
            for name, value in figures.items():
                yield load, who, name, shown(value)


def shown(value: float) -> str:
    """A figure with as many digits as say something."""
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.2f}"
