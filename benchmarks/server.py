"""What the server costs: a chat turn through the OpenAI wire, stored before it is answered.

    python benchmarks/server.py [--seconds 5] [--memory] [--budgets] [--agno PYTHON] [--json FILE]

Three processes: a provider that answers at once (`upstream.py`), `muxi up` on a fresh project, and
this one, which generates the load over keep-alive connections: each turn is one
`POST /api/runs/stream` in a new thread, read to its end. CPU is user and system time of the whole
server process. Long-term memory, which none of the others has, is off unless `--memory` is given;
`--budgets` declares three budgets, which each turn then reserves and settles on.
Afterwards the database is asked whether every turn is there.

The same load then goes to `plain_server.py`, the least that such a turn can be made of without a
framework: where the machine is busy, the ratio between the two tells more than either figure. With
`--agno`, a Python that has agno, openai, fastapi, uvicorn, sqlalchemy and python-multipart, it also
goes to agno's AgentOS.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).parent
TICK = os.sysconf("SC_CLK_TCK")
GOALS = {
    "start_s": 0.7,
    "idle_rss_mib": 70,
    "ttft_added_ms": 1.5,
    "cpu_ms_a_turn": 1.2,
    "turns_a_second": 800,
}
PROJECT = """\
model: fake
models:
  fake:
    model: openai/fake
    base_url: {url}
    key: none
agents:
  assistant:
    instructions: You are a helpful assistant.
"""
BUDGETS = """\
budgets:
  house: {per: tenant, every: month, tokens: 1000000000}
  each: {per: user, every: day, tokens: 1000000000, runs: 1000000}
  agents: {per: agent, every: hour, tokens: 1000000000}
"""
WITHOUT_MEMORY = """\
memory: {remember: false, recall: false, profile: false, facts: {extract: none}}
"""


@dataclass
class Level:
    """Turns at one concurrency."""

    walls: list[float] = field(default_factory=list)
    firsts: list[float] = field(default_factory=list)
    failed: int = 0


class Caller:
    """One keep-alive connection that speaks just enough HTTP to read a streamed answer."""

    def __init__(self, url: str, path: str, headers: dict[str, str], mark: bytes) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 80)
        lines = [f"POST {parts.path}{path} HTTP/1.1", f"Host: {parts.hostname}:{parts.port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self._head = "\r\n".join(lines)
        self._mark = mark
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def call(self, body: bytes) -> tuple[float, float, bytes]:
        """Seconds to the first token and to the end, and all that came."""
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(*self._address)
        assert self._reader is not None
        head = f"{self._head}\r\nContent-Length: {len(body)}\r\n\r\n"
        started = time.perf_counter()
        self._writer.write(head.encode() + body)
        data = b""
        first = 0.0
        while not data.endswith(b"\r\n0\r\n\r\n"):
            chunk = await self._reader.read(65536)
            if not chunk:
                raise ConnectionError("cut")
            data += chunk
            if not first and self._mark in data:
                first = time.perf_counter() - started
        return first, time.perf_counter() - started, data


async def load(server: Server, concurrency: int, seconds: float) -> Level:
    level = Level()
    talk = server.talk
    headers = {"Authorization": f"Bearer {server.token}", "Content-Type": talk.media_type}
    end = time.perf_counter() + seconds

    async def work() -> None:
        caller = Caller(server.url, talk.path, headers, talk.first)
        while time.perf_counter() < end:
            try:
                first, wall, data = await caller.call(talk.body)
            except OSError:
                level.failed += 1
                return
            if talk.last not in data:
                level.failed += 1
            level.walls.append(wall)
            level.firsts.append(first)

    await asyncio.gather(*(work() for _ in range(concurrency)))
    return level


async def direct(upstream: str, turns: int) -> list[float]:
    """Seconds to the first token without a server between."""
    body = json.dumps({"model": "fake", "stream": True, "messages": []}).encode()
    caller = Caller(upstream, "/chat/completions", {"Content-Type": "application/json"}, b"word0")
    return [(await caller.call(body))[0] for _ in range(turns)]


@dataclass(frozen=True)
class Talk:
    """How a turn is asked for, and known by its answer."""

    path: str = "/api/runs/stream"
    media_type: str = "application/json"
    body: bytes = b'{"input": "Tell me eight words, please."}'
    first: bytes = b"event: text.delta"
    last: bytes = b'"status":"completed"'


AGNO = Talk(
    path="/agents/assistant/runs",
    media_type="application/x-www-form-urlencoded",
    body=b"message=Tell+me+eight+words%2C+please.&stream=true",
    first=b'"content":"word0 "',
    last=b'"event":"RunCompleted"',
)


@dataclass
class Server:
    """A running `muxi up`."""

    process: subprocess.Popen[bytes]
    url: str
    token: str
    start_s: float
    database: Path
    talk: Talk = Talk()

    @property
    def cpu(self) -> float:
        """Seconds of user and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    @property
    def rss_mib(self) -> float:
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmRSS:")[1].split()[0]) / 1024


@contextmanager
def provider() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, str(HERE / "upstream.py")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


@contextmanager
def plain(upstream: str) -> Iterator[Server]:
    """The same work without a framework."""
    folder = Path(tempfile.mkdtemp(prefix="plain-benchmark-"))
    port = _free_port()
    database = folder / "plain.db"
    command = [sys.executable, str(HERE / "plain_server.py"), upstream, str(port), str(database)]
    process = subprocess.Popen(command)
    try:
        _wait_healthy(port, process)
        yield Server(process, f"http://127.0.0.1:{port}", "", 0.0, database)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def agno(upstream: str, python: str) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="agno-benchmark-"))
    port = _free_port()
    database = folder / "agno.db"
    command = [python, str(HERE / "agno_server.py"), upstream, str(port), str(database)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_healthy(port, process, path="/health")
        yield Server(process, f"http://127.0.0.1:{port}", "", 0.0, database, AGNO)
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(folder)


@contextmanager
def muxi(upstream: str, *, memory: bool = False, budgets: bool = False) -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="muxi-benchmark-"))
    project = PROJECT.format(url=upstream) + ("" if memory else WITHOUT_MEMORY)
    project += BUDGETS if budgets else ""
    (folder / "muxi.yaml").write_text(project)
    port = _free_port()
    command = [sys.executable, "-m", "muxi", "up", "--port", str(port), "--no-browser"]
    started = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_healthy(port, process)
        taken = time.perf_counter() - started
        token = (folder / ".muxi" / "token").read_text().strip()
        url = f"http://127.0.0.1:{port}"
        yield Server(process, url, token, taken, folder / ".muxi" / "muxi.db")
    finally:
        process.terminate()
        process.wait(20)
        shutil.rmtree(folder)


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_healthy(port: int, process: subprocess.Popen[bytes], path: str = "/healthz") -> None:
    from urllib.error import URLError
    from urllib.request import urlopen

    while process.poll() is None:
        try:
            urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).read()
        except URLError:
            time.sleep(0.005)
        else:
            return
    raise SystemExit("muxi up did not start")


def at(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def measure(
    seconds: float, levels: list[int], peer: str | None, *, memory: bool, budgets: bool
) -> dict[str, Any]:
    with provider() as upstream, muxi(upstream, memory=memory, budgets=budgets) as server:
        time.sleep(1)
        figures: dict[str, Any] = {"start_s": server.start_s, "idle_rss_mib": server.rss_mib}
        turns = len(asyncio.run(load(server, 8, 1.0)).walls)
        alone = at(asyncio.run(direct(upstream, 300)), 0.1)
        single = asyncio.run(load(server, 1, min(seconds, 3.0)))
        turns += len(single.walls)
        figures["ttft_added_ms"] = (at(single.firsts, 0.1) - alone) * 1000
        figures["p50_ms_alone"] = at(single.walls, 0.5) * 1000
        for concurrency in levels:
            found = under_load(server, concurrency, seconds)
            turns += found["turns"]
            figures[f"at_{concurrency}"] = found
        figures["missing"] = missing(server.database, turns)
    with provider() as upstream, plain(upstream) as server:
        compare(figures, "plain", server, upstream, seconds=seconds, levels=levels)
    if peer is not None:
        with provider() as upstream, agno(upstream, peer) as server:
            compare(figures, "agno", server, upstream, seconds=seconds, levels=levels)
    return figures


def compare(
    figures: dict[str, Any],
    name: str,
    server: Server,
    upstream: str,
    *,
    seconds: float,
    levels: list[int],
) -> None:
    """Put the same figures of another server beside muxi's."""
    asyncio.run(load(server, 8, 1.0))
    alone = at(asyncio.run(direct(upstream, 300)), 0.1)
    single = asyncio.run(load(server, 1, min(seconds, 3.0)))
    figures[f"{name}_ttft_added_ms"] = (at(single.firsts, 0.1) - alone) * 1000
    for concurrency in levels:
        found = under_load(server, concurrency, seconds)
        figures[f"{name}_at_{concurrency}"] = found
        own = figures[f"at_{concurrency}"]
        own[f"cpu_to_{name}"] = own["cpu_ms_a_turn"] / found["cpu_ms_a_turn"]


def under_load(server: Server, concurrency: int, seconds: float) -> dict[str, Any]:
    """Figures of one level."""
    before, started = server.cpu, time.perf_counter()
    level = asyncio.run(load(server, concurrency, seconds))
    taken = time.perf_counter() - started
    count = len(level.walls)
    return {
        "turns": count,
        "turns_a_second": count / taken,
        "p50_ms": at(level.walls, 0.5) * 1000,
        "p99_ms": at(level.walls, 0.99) * 1000,
        "failed": level.failed,
        "cpu_ms_a_turn": (server.cpu - before) / count * 1000,
        "rss_mib": server.rss_mib,
    }


def missing(database: Path, turns: int) -> int:
    """How many turns that were answered the database does not hold whole."""
    with sqlite3.connect(database) as connection:
        query = (
            "SELECT count(*) FROM runs r WHERE r.status = 'completed' AND "
            "(SELECT count(*) FROM messages m WHERE m.run_id = r.id AND m.tenant = r.tenant) = 2"
        )
        whole = connection.execute(query).fetchone()[0]
    connection.close()
    return max(0, turns - whole)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--levels", type=int, nargs="*", default=[32, 128])
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--budgets", action="store_true")
    parser.add_argument("--agno", metavar="PYTHON")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = measure(
        options.seconds,
        options.levels,
        options.agno,
        memory=options.memory,
        budgets=options.budgets,
    )
    figures["goals"] = GOALS
    figures["load_average"] = os.getloadavg()[0]
    text = json.dumps(figures, indent=2, default=lambda value: round(value, 3))
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
