"""The processes that are measured: a provider, and `muxi up` on a project made for the purpose.

Used by `measures`.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

from muxi.core.errors import MuxiError

_START: Final = 60.0
"""Seconds for the server to start."""
_RATES: Final = (
    ("instant", 8, 0),
    ("long", 200, 0),
    ("slow", 400, 10),
    ("ten", 100, 10),
    ("fifty", 500, 50),
)
"""Agents: how many words each says, and how many in a second; all at once for 0."""
_PROJECT: Final = """\
model: instant
agent: instant
models:
{models}agents:
{agents}memory: {{remember: false, recall: false, profile: false, facts: {{extract: none}}}}
server:
  events: {{gather: {gather}}}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running `muxi up`."""

    pid: int
    host: str
    port: int
    token: str

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


@contextmanager
def server(upstream: str, *, gather: float = 0.0) -> Generator[Server]:
    """`muxi up` on a fresh project whose agents answer at the provider's rates."""
    folder = Path(tempfile.mkdtemp(prefix="muxi-bench-"))
    models = "".join(
        f"  {name}: {{model: openai/m, base_url: {upstream}/{tokens}/{rate}, key: none}}\n"
        for name, tokens, rate in _RATES
    )
    agents = "".join(f"  {name}: {{model: {name}}}\n" for name, _, _ in _RATES)
    text = _PROJECT.format(models=models, agents=agents, gather=gather)
    (folder / "muxi.yaml").write_text(text)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    command = [sys.executable, "-m", "muxi", "up", "--port", str(port), "--no-browser"]
    process = subprocess.Popen(  # noqa: S603 -- this interpreter and a port
        command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(port, process)
        token = (folder / ".muxi" / "token").read_text().strip()
        yield Server(process.pid, "127.0.0.1", port, token)
    finally:
        process.terminate()
        process.wait(_START)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5).read()
        except URLError:
            time.sleep(0.02)
        else:
            return
    raise MuxiError("`muxi up` did not start.", hint="Try it in an empty folder.")
