"""The processes that are measured: `muxi up` on a project made for the purpose, servers of peers,
and the scripted provider that all of them ask.

Used by `measures` and the parts that need a server.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from muxi.cli.bench.peers import Peer
from muxi.cli.bench.talks import MUXI, Talk
from muxi.core.errors import MuxiError

_START: Final = 60.0
"""Seconds for a server to start."""
AGENTS: Final[dict[str, tuple[int, float]]] = {
    "instant": (8, 0),
    "burst": (200, 0),
    "long": (200, 500),
    "slow": (400, 10),
    "held": (8, 0.2),
    "ten": (200, 10),
    "fifty": (1000, 50),
}
"""How many words each agent says, and how many in a second; all at once for 0."""
USER: Final = "bench"
_PRICE: Final = "{input: 1, output: 1}"
_WITHOUT_MEMORY: Final = (
    "memory: {remember: false, recall: false, profile: false, facts: {extract: none}}\n"
)
"""Long-term memory is on by default; hardly any server of others has one."""
_PROJECT: Final = """\
model: instant
agent: instant
models:
{models}agents:
{agents}{memory}budgets:
  house: {{per: tenant, every: month, tokens: 1000000000000}}
  everyone: {{per: user, every: day, tokens: 1000000000000, cost: 1000000, runs: 1000000000}}
  each: {{per: agent, every: hour, tokens: 1000000000000}}
identity:
  roles:
    guest:
      includes: [member]
      deny: ["tools.use:shell"]
  policies:
    nobody-mails: {{effect: deny, permissions: ["tools.use:send_*"], agents: ["*"]}}
server:
  events: {{gather: {gather}}}
  rate_limits:
    key: {{requests: 1000000000}}
    user: {{requests: 1000000000}}
    tenant: {{requests: 1000000000}}
"""
"""Whatever a server of many users has is declared: roles, a policy, budgets and limits of rates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running server and how it is spoken to."""

    pid: int
    port: int
    talk: Talk
    token: str = ""
    """Of a user with the role `guest`; of nobody for a peer."""
    folder: Path = field(default_factory=Path)
    host: str = "127.0.0.1"

    @property
    def cpu(self) -> float:
        """Seconds of user and system time so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def rss(self) -> float:
        """Resident memory in KiB."""
        text = Path(f"/proc/{self.pid}/status").read_text()
        return float(text.split("VmRSS:")[1].split()[0])

    @property
    def descriptors(self) -> int:
        """Open files and connections."""
        return sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())

    @property
    def database(self) -> Path:
        """The SQLite file of `muxi up`."""
        return self.folder / ".muxi" / "muxi.db"

    def call(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """The answer of muxi's API; a POST if there is a body."""
        return _call(self.port, self.token, path, body)


@contextmanager
def provider() -> Generator[str]:
    """The base URL of a scripted provider."""
    command = [sys.executable, "-m", "muxi.cli.bench.provider"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 -- this interpreter and a module of muxi
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def asked_directly(upstream: str, talk: Talk) -> Server:
    """The provider as a server of turns, to know what it takes itself."""
    return Server(pid=os.getpid(), port=urlsplit(upstream).port or 0, talk=talk)


@contextmanager
def muxi(
    upstream: str,
    *,
    memory: bool = False,
    gather: float = 0.0,
    fill: Callable[[Path], None] | None = None,
) -> Generator[Server]:
    """`muxi up` on a fresh project, as a user with a key.

    Args:
        upstream: Base URL of the provider.
        memory: Whether it has long-term memory.
        gather: `server.events.gather` of the project.
        fill: Writes into the database of the project before the server is started again.
    """
    folder = Path(tempfile.mkdtemp(prefix="muxi-bench-"))
    models = "".join(
        f"  {name}: {{model: openai/m, base_url: {url}, key: none, price: {_PRICE}}}\n"
        for name, url in _urls(upstream)
    )
    agents = "".join(f"  {name}: {{model: {name}}}\n" for name in AGENTS)
    text = _PROJECT.format(
        models=models, agents=agents, memory="" if memory else _WITHOUT_MEMORY, gather=gather
    )
    (folder / "muxi.yaml").write_text(text)
    port = _free_port()
    command = [sys.executable, "-m", "muxi", "up", "--port", str(port), "--no-browser"]
    try:
        with _process(command, folder, port, "/healthz") as pid:
            token = _guest(port, (folder / ".muxi" / "token").read_text().strip())
            server = Server(pid=pid, port=port, talk=MUXI, token=token, folder=folder)
            if fill is None:
                yield server
                return
        fill(server.database)
        with _process(command, folder, port, "/healthz") as pid:
            yield Server(pid=pid, port=port, talk=MUXI, token=token, folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def peer(which: Peer, python: str, upstream: str) -> Generator[Server]:
    """A peer's server with the same agents."""
    folder = Path(tempfile.mkdtemp(prefix="peer-bench-"))
    port = _free_port()
    agents = [f"{name}={url}" for name, url in _urls(upstream)]
    command = [python, str(which.program), str(port), str(folder), *agents]
    try:
        with _process(command, folder, port, which.healthy) as pid:
            yield Server(pid=pid, port=port, talk=which.talk, folder=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _process(command: list[str], folder: Path, port: int, healthy: str) -> Generator[int]:
    """The id of a process that serves, until the block ends."""
    log = folder / "log.txt"
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)  # noqa: S603 -- chosen by the caller
    try:
        _wait(f"http://127.0.0.1:{port}{healthy}", process, log)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(_START)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urlopen(url, timeout=5).read()  # noqa: S310 -- an address of this machine
        except (URLError, OSError):
            time.sleep(0.02)
        else:
            return
    told = log.read_text(errors="replace").strip().splitlines()[-3:]
    raise MuxiError("A server did not start: " + " / ".join(told))


def _guest(port: int, admin: str) -> str:
    """The key of a fresh user who is no admin."""
    _call(port, admin, "/api/users", {"id": USER, "roles": ["guest"]})
    return str(_call(port, admin, "/api/keys", {"user": USER})["key"])


def _call(port: int, token: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
    request = Request(
        f"http://127.0.0.1:{port}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    with urlopen(request, timeout=60) as answer:  # noqa: S310 -- an address of this machine
        return dict(json.load(answer))


def _urls(upstream: str) -> list[tuple[str, str]]:
    return [(name, f"{upstream}/{words}/{rate}") for name, (words, rate) in AGENTS.items()]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
