"""Runs one program within bounds, and ends all that it started. Used by `shell`, `git` and `sql`.

The program is a group of processes of its own, without a terminal, and is never given to a shell.
When it is over, for whatever reason, the group is killed, and on Linux also what has left the group
but still bears the mark of the call in its environment.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from muxi.core.errors import ToolFailed
from muxi.tools.worker import run_in_thread

_MARK = "MUXI_TOOL_CALL"
_PATIENCE = 1.0
"""Seconds that a program has to end by itself once it is told to."""
_LOOK = 0.05
"""Seconds between two looks at how many processes there are."""
_PROC = Path("/proc")
_HAS_PROC = sys.platform == "linux"

Ended = Literal["itself", "time", "processes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one program may take."""

    seconds: float
    output: int
    """Bytes that are kept: the beginning and the end."""
    processes: int = 200


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program went."""

    code: int
    """Its exit code; negative for the signal that ended it."""
    output: str
    ended: Ended
    seconds: float


class _Output:
    """The beginning and the end of what is written; what lies between is dropped."""

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0

    def add(self, data: bytes) -> None:
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._half:
            over = len(self._tail) - self._half
            self._dropped += over
            del self._tail[:over]

    def text(self) -> str:
        over = max(0, len(self._tail) - self._half)
        head, tail = bytes(self._head), bytes(self._tail[over:])
        if self._dropped + over == 0:
            return (head + tail).decode(errors="replace")
        notice = f"\n[{self._dropped + over:,} bytes are left out.]\n"
        return head.decode(errors="ignore") + notice + tail.decode(errors="ignore")


def found_program(name: str, environment: Mapping[str, str]) -> str:
    """Where a program lies. Raises `ToolFailed` if it is not installed."""
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    # The empty entry and relative ones stand for whatever folder a command runs in.
    path = os.pathsep.join(each for each in folders if Path(each).is_absolute())
    place = shutil.which(name, path=path)
    if place is None:
        raise ToolFailed(f"The program `{name}` is not installed.", hint="")
    return place


def plain_environment() -> dict[str, str]:
    """The variables that programs need to work, and none that may hold a secret."""
    kept = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ")
    return {
        **{name: value for name in kept if (value := os.environ.get(name)) is not None},
        "TERM": "dumb",
        "NO_COLOR": "1",
    }


async def run_program(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    bounds: Bounds,
    given: bytes = b"",
) -> Finished:
    """Run a program to its end, or to the end of its bounds.

    Args:
        arguments: Its place and its arguments.
        folder: Where it runs.
        environment: All variables that it sees.
        bounds: What it may take.
        given: What it finds on its standard input.

    Raises:
        ToolFailed: It cannot be started.
    """
    mark = secrets.token_hex(16)
    output = _Output(bounds.output)
    started = time.monotonic()
    ours, theirs = os.pipe()
    try:
        reading = await _read_all(ours, output)
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                cwd=folder,
                env={**environment, _MARK: mark},
                stdin=asyncio.subprocess.PIPE,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reading.cancel()
            raise ToolFailed(f"`{arguments[0]}` cannot be started: {error}", hint="") from error
    finally:
        os.close(theirs)
    try:
        _give(process, given)
        ended = await _until_over(process, bounds)
    finally:
        # Also when the run is cancelled: nothing may go on without it.
        await asyncio.shield(_end(process, mark, reading))
    code = await process.wait()
    return Finished(code, output.text(), ended, time.monotonic() - started)


def _give(process: asyncio.subprocess.Process, data: bytes) -> None:
    """Hand the input over, of which the rest is dropped if the program does not want it."""
    if process.stdin is not None:
        process.stdin.write(data)
        process.stdin.close()


async def _read_all(descriptor: int, output: _Output) -> asyncio.Task[None]:
    """Begin to read; the task ends when nobody can write any more."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)

    async def read() -> None:
        try:
            while data := await reader.read(65_536):
                output.add(data)
        finally:
            transport.close()

    return asyncio.create_task(read(), name="output of a program")


async def _until_over(process: asyncio.subprocess.Process, bounds: Bounds) -> Ended:
    """Wait for the program, its time, or its processes to be too many."""
    waiting = asyncio.ensure_future(process.wait())
    until = time.monotonic() + bounds.seconds
    before = _tasks()
    try:
        while True:
            left = until - time.monotonic()
            if left <= 0:
                return "time"
            done, _ = await asyncio.wait([waiting], timeout=min(left, _LOOK))
            if done:
                return "itself"
            # The count of all tasks costs one read; the group is counted only when that has grown.
            if _HAS_PROC and _tasks() - before > bounds.processes:
                members = len(await run_in_thread(_session, process.pid))
                if members > bounds.processes:
                    return "processes"
                before = _tasks() - members
    finally:
        waiting.cancel()


async def _end(process: asyncio.subprocess.Process, mark: str, reading: asyncio.Task[None]) -> None:
    """End the group and whatever still bears the mark, and read what they have left."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(process.wait()), _PATIENCE)
    _signal_group(process.pid, signal.SIGKILL)
    await process.wait()
    if _HAS_PROC:
        await run_in_thread(_kill_marked, f"{_MARK}={mark}".encode())
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(reading, _PATIENCE)


def _signal_group(group: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _kill_marked(mark: bytes) -> None:
    """Kill what bears the mark, until nothing does: it may start others meanwhile."""
    for _ in range(20):
        found = [pid for pid in _processes() if _bears(pid, mark)]
        if not found:
            return
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _bears(pid: int, mark: bytes) -> bool:
    try:
        if (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()[0] in b"ZX":
            return False
        return mark in (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False


def _session(leader: int) -> list[int]:
    """The processes of the session of a program."""
    found: list[int] = []
    for pid in _processes():
        with suppress(OSError, IndexError, ValueError):
            fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            if int(fields[3]) == leader:
                found.append(pid)
    return found


def _processes() -> list[int]:
    return [int(each.name) for each in _PROC.iterdir() if each.name.isdigit()]


def _tasks() -> int:
    """How many tasks the machine has, of all programs."""
    if not _HAS_PROC:
        return 0
    return int((_PROC / "loadavg").read_text().split()[3].partition("/")[2])
