"""Turns through a server's door, and what the process behind it takes for them."""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from muxi.client.client import Client
from muxi.core.events import RunCompleted

from .node import Node

_TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Window:
    """A stretch of turns, and where the server stood at its end."""

    turns: int
    cpu_ms: float
    """User and system time of the server for one turn, in milliseconds."""
    p10_ms: float
    """A tenth of the turns took no longer: what other work on the machine disturbs least."""
    p50_ms: float
    rss_mib: float
    files: int
    """Open file descriptors."""
    database_bytes: int


@dataclass
class Door:
    """Says things to a server over kept connections, and watches its process."""

    node: Node
    session: aiohttp.ClientSession
    client: Client
    walls: list[float] = field(default_factory=list[float])
    failed: list[str] = field(default_factory=list[str])
    _cpu: float = 0.0

    async def turn(self, text: str, *, thread: str | None = None, agent: str = "talker") -> str:
        """One turn, read to its end; returns the thread."""
        began = time.perf_counter()
        body = {"input": text, "agent": agent, "thread_id": thread}
        url = f"{self.node.url}/api/runs/stream"
        async with self.session.post(url, json=body) as response:
            data = await response.read()
        self.walls.append(time.perf_counter() - began)
        if b'"status":"completed"' not in data:
            self.failed.append(data[-500:].decode(errors="replace"))
        return response.headers.get("X-Thread-Id", "")

    async def followed_turn(self, text: str, *, thread: str, agent: str) -> None:
        """One turn as programs take it that begin a run first and then read it."""
        began = time.perf_counter()
        run = await self.client.start_run(text, thread_id=thread, agent=agent)
        end = [event async for event in self.client.events(run.id)][-1]
        self.walls.append(time.perf_counter() - began)
        if not isinstance(end, RunCompleted) or end.status != "completed":
            self.failed.append(repr(end))

    def window(self) -> Window:
        """What was measured since the last call."""
        cpu = self._cpu_seconds()
        walls, self.walls = sorted(self.walls), []
        used, self._cpu = cpu - self._cpu, cpu
        process = Path(f"/proc/{self.node.pid}")
        rss = process.joinpath("status").read_text().split("VmRSS:")[1].split()[0]
        return Window(
            turns=len(walls),
            cpu_ms=used / max(1, len(walls)) * 1000,
            p10_ms=walls[len(walls) // 10] * 1000 if walls else 0.0,
            p50_ms=statistics.median(walls) * 1000 if walls else 0.0,
            rss_mib=int(rss) / 1024,
            files=len(list(process.joinpath("fd").iterdir())),
            database_bytes=self._database_bytes(),
        )

    def _cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.node.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICK

    def _database_bytes(self) -> int:
        path = self.node.folder / ".muxi" / "muxi.db"
        with closing(sqlite3.connect(path)) as connection:
            pages = connection.execute("PRAGMA page_count").fetchone()[0]
            return int(pages) * int(connection.execute("PRAGMA page_size").fetchone()[0])


def told(windows: Sequence[Window]) -> str:
    """The windows as a small table, for the report."""
    columns = ("turns", "cpu_ms", "p10_ms", "p50_ms", "rss_mib", "files", "database_bytes")
    rows = [[round(getattr(window, name), 2) for name in columns] for window in windows]
    return json.dumps([list(columns), *rows])
