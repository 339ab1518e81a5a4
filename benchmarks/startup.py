"""What it costs to begin: imports, help, a server's first answer, and what an idle one holds.

    python benchmarks/startup.py

Each is a process of its own, measured several times; the least counts. CPU is user and system time
of the process, memory is its resident set, the bare interpreter is the baseline. Neither the
embedded model nor the embedder is loaded by an idle server.
"""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROUNDS = 7
MUXI = [sys.executable, "-m", "muxi"]


def cpu_of(command: list[str]) -> float:
    """Least CPU seconds of `command` over the rounds, after one to warm the byte code."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best, spent)
    return best


def server() -> tuple[float, float]:
    """Seconds from start to the first healthy answer, and MiB of the idle server."""
    starts: list[float] = []
    sizes: list[float] = []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            command = [*MUXI, "up", "--no-browser", "--port", "5099"]
            begun = time.perf_counter()
            with subprocess.Popen(
                command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                _healthy("http://127.0.0.1:5099/healthz")
                starts.append(time.perf_counter() - begun)
                status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
                sizes.append(int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024)
                process.terminate()
                process.wait(20)
    return min(starts), min(sizes)


def _healthy(url: str) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            os.sched_yield()
    raise SystemExit("the server did not answer within a minute")


def main() -> None:
    # An installed program has its byte code beside it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    bare = cpu_of([sys.executable, "-c", "pass"])
    imported = cpu_of([sys.executable, "-c", "import muxi"])
    helped = cpu_of([*MUXI, "--help"])
    start, size = server()
    print("| what | measured | goal |")
    print("| --- | --- | --- |")
    beyond = f"CPU beyond the interpreter's {bare:.3f} s"
    print(f"| `import muxi`, {beyond} | {imported - bare:.3f} s | 0.05 s |")
    print(f"| `muxi --help`, CPU | {helped:.3f} s | 0.15 s |")
    print(f"| start to first healthy answer, wall | {start:.2f} s | 0.7 s |")
    print(f"| idle server, resident | {size:.0f} MiB | 70 MiB |")


if __name__ == "__main__":
    main()
