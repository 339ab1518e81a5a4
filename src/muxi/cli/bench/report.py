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

Table = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Figures by load, then by whose server."""

_LIBRARIES = ("aiohttp", "pydantic", "SQLAlchemy", "uvicorn", "websockets")
_CONDITIONS = (
    "muxi asks for the key of a user with a role of the project, decides by roles and a policy,",
    "keeps three budgets, limits rates and writes its audit log. Servers of others have none of",
    "that. Percentiles are of single turns, words and pages; CPU is that of the server's process;",
    "the load, the scripted provider and the server share the cores.",
)


class Report:
    """A chapter that remembers when it began, so that it is made before the measurement."""

    def __init__(self, command: str, pythons: Mapping[str, str]) -> None:
        self._began = datetime.now(UTC)
        self._load = os.getloadavg()[0]
        self._command = command
        self._peers = {
            name: versions_in(python, PEERS[name].packages) for name, python in pythons.items()
        }

    def write(self, path: Path, found: Table) -> None:
        """Add the chapter to a page, which is begun if there is none."""
        page = path.read_text(encoding="utf-8") if path.exists() else self._head()
        path.write_text(page + self._chapter(found), encoding="utf-8")

    def _head(self) -> str:
        lines = [
            f"# The server under load, {self._began:%Y-%m-%d}",
            "",
            *_CONDITIONS,
            "",
            "| | |",
            "| --- | --- |",
            *(f"| {name} | {value} |" for name, value in machine(_LIBRARIES)),
        ]
        return "\n".join(lines) + "\n"

    def _chapter(self, found: Table) -> str:
        minutes = (datetime.now(UTC) - self._began).total_seconds() / 60
        lines = [
            "",
            f"## {self._began:%H:%M} UTC: {', '.join([MUXI, *self._peers])}",
            "",
            f"`{self._command}` took {minutes:.0f} minutes; load when it began: {self._load:.1f}.",
        ]
        if self._peers:
            lines.append("")
        for name, versions in self._peers.items():
            lines.append(f"- **{name}** is {PEERS[name].what}; {versions}")
        for load, servers in found.items():
            lines += ["", *_section(load, servers)]
        return "\n".join(lines) + "\n"


def _section(load: str, servers: Mapping[str, Mapping[str, float]]) -> list[str]:
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
