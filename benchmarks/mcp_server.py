"""What `/mcp` costs: mounted and unused, at its first request, and for each call after that.

    python benchmarks/mcp_server.py

A server is a process of its own; CPU is its user and system time, memory its resident set. The
same requests go to a server of the bare SDK with one tool, in the same run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PORT = 5097
CALLS = 300
ROUNDS = 5
VERSION = "2026-07-28"
UP = [sys.executable, "-m", "muxi", "up", "--no-browser", "--port", str(PORT)]
BARE = f"""
from mcp.server import MCPServer

server = MCPServer("bare", version="1.0.0")

@server.tool()
def recall(query: str) -> dict[str, list[str]]:
    "Look up."
    return {{"memories": []}}

server.run("streamable-http", port={PORT})
"""


class Process:
    """A running server."""

    def __init__(self, pid: int, token: str) -> None:
        self._status = Path(f"/proc/{pid}/status")
        self._times = Path(f"/proc/{pid}/stat")
        self._token = token

    @property
    def memory(self) -> float:
        """MiB."""
        return int(re.findall(r"VmRSS:\s+(\d+)", self._status.read_text())[0]) / 1024

    @property
    def cpu(self) -> float:
        """Seconds."""
        fields = self._times.read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def ask(self, method: str, name: str | None = None, **params: Any) -> Any:
        """One request of the era in which each stands alone."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": VERSION,
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        params = {**params, "_meta": meta, **({"name": name} if name else {})}
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": VERSION,
            "Mcp-Method": method,
            **({"Mcp-Name": name} if name else {}),
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{PORT}/mcp", json.dumps(body).encode(), headers
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read().decode()
        found = json.loads(text if text.startswith("{") else text.rpartition("data: ")[2])
        assert "result" in found, found
        return found["result"]


def up(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            os.sched_yield()
    raise SystemExit("the server did not answer within a minute")


@contextmanager
def running(command: list[str], folder: str, path: str) -> Generator[tuple[Process, float]]:
    """A server and the seconds until it answered."""
    begun = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            up(f"http://127.0.0.1:{PORT}{path}")
            seconds = time.perf_counter() - begun
            token = Path(folder, ".muxi", "token")
            yield Process(process.pid, token.read_text().strip() if token.exists() else ""), seconds
        finally:
            process.terminate()
            process.wait(20)


def start(settings: str) -> tuple[float, float, float]:
    """Least seconds of wall and CPU until a server answers, and MiB that it holds then."""
    measured: list[tuple[float, float, float]] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "muxi.yaml").write_text(settings, encoding="utf-8")
            with running(UP, folder, "/healthz") as (server, seconds):
                measured.append((seconds, server.cpu, server.memory))
    wall, cpu, memory = zip(*measured, strict=True)
    return min(wall), min(cpu), min(memory)


def per_call(server: Process, ask: Callable[[], object]) -> float:
    """Milliseconds of CPU of the server for one call."""
    for _ in range(20):
        ask()
    best = float("inf")
    for _ in range(ROUNDS):
        before = server.cpu
        for _ in range(CALLS):
            ask()
        best = min(best, (server.cpu - before) / CALLS)
    return best * 1000


def main() -> None:
    rows: list[tuple[str, str]] = []
    for words, settings in (("mounted", ""), ("switched off", "server: {mcp: {enabled: false}}")):
        wall, cpu, idle = start(settings)
        rows.append((f"start to first healthy answer, `/mcp` {words}, wall", f"{wall:.2f} s"))
        rows.append((f"the same, CPU, `/mcp` {words}", f"{cpu:.2f} s"))
        rows.append((f"idle server, `/mcp` {words}, resident", f"{idle:.0f} MiB"))
    with tempfile.TemporaryDirectory() as folder, running(UP, folder, "/healthz") as (server, _):
        idle, before, begun = server.memory, server.cpu, time.perf_counter()
        server.ask("server/discover")
        rows.append(("first request of `/mcp`, CPU", f"{server.cpu - before:.2f} s"))
        rows.append(("first request of `/mcp`, wall", f"{time.perf_counter() - begun:.2f} s"))
        rows.append(("what the SDK adds, resident", f"{server.memory - idle:.0f} MiB"))
        discover = per_call(server, lambda: server.ask("server/discover"))
        listing = per_call(server, lambda: server.ask("tools/list"))
        facts = per_call(server, lambda: server.ask("tools/call", "facts", arguments={}))
    command = [sys.executable, "-c", BARE]
    with tempfile.TemporaryDirectory() as folder, running(command, folder, "/mcp") as (bare, _):
        theirs = per_call(bare, lambda: bare.ask("server/discover"))
        called = per_call(bare, lambda: bare.ask("tools/call", "recall", arguments={"query": "x"}))
    rows.append(("`server/discover`, CPU of the server", f"{discover:.2f} ms"))
    rows.append(("the same of a bare SDK server with one tool", f"{theirs:.2f} ms"))
    rows.append(("`tools/list` of nine tools", f"{listing:.2f} ms"))
    rows.append(("`tools/call` of `facts`, which reads the database", f"{facts:.2f} ms"))
    rows.append(("`tools/call` of a function of a bare SDK server", f"{called:.2f} ms"))
    print("| what | measured |")
    print("| --- | --- |")
    for row in rows:
        print(f"| {' | '.join(row)} |")


if __name__ == "__main__":
    main()
