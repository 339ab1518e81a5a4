"""Documents into blocks, by processes that may take so much memory, time and output and no more.

Called by `indexing`. A document that exceeds a bound costs its process its life and harms nothing
else; what a process is handed is a path, and it gets no secrets of this one's environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from muxi.core.errors import DocumentUnreadable
from muxi.knowledge.blocks import Block, End, Failure, Task
from muxi.knowledge.formats import Format

_READ = 1 << 18
_DOCUMENTS = 100
"""Documents of one process, so that what a library loses does not grow."""
_IDLE = 10.0
"""Seconds after which a process that has nothing to do is let go."""
_WAIT = 3
"""Seconds that may pass for each second of processor time: the machine may be busy."""
_PASSED_ON = ("PATH", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT", "LD_LIBRARY_PATH", "TMPDIR")

_block = msgspec.json.Decoder(Block)
_end: msgspec.json.Decoder[End | Failure] = msgspec.json.Decoder(End | Failure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one document may take."""

    bytes: int = 100 << 20
    """Size of the file."""
    memory: int = 1 << 30
    """Address space of the process, in bytes."""
    seconds: int = 60
    """Processor time."""
    text: int = 32 << 20
    """Bytes of text that come out of it."""


@dataclass(frozen=True, slots=True)
class Converted:
    """A document that was read."""

    blocks: Sequence[Block]
    pages: int | None


@dataclass(slots=True, eq=False)
class _Worker:
    process: Process
    done: int = 0


@dataclass
class Converter:
    """Converting processes: started when needed, at most `at_once`, and let go when idle."""

    bounds: Bounds = field(default_factory=Bounds)
    at_once: int = 2
    _idle: list[_Worker] = field(default_factory=list[_Worker])
    _slots: asyncio.Semaphore = field(init=False)
    _timer: asyncio.TimerHandle | None = None
    _leaving: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])

    def __post_init__(self) -> None:
        self._slots = asyncio.Semaphore(self.at_once)

    async def convert(self, path: Path, format: Format, *, name: str = "") -> Converted:
        """The blocks of the file at `path`.

        Raises:
            DocumentUnreadable: It is broken, encrypted, or exceeds a bound; the message says which.
        """
        task = Task(str(path), format.reader, name or path.name, self.bounds.seconds)
        async with self._slots:
            worker = self._idle.pop() if self._idle else await self._start()
            if worker.process.returncode is not None:
                worker = await self._start()
            try:
                answer = await self._ask(worker, task)
            except BaseException:
                await _kill(worker.process)
                raise
            if isinstance(answer, Failure) or worker.done >= _DOCUMENTS:
                await _kill(worker.process)
            else:
                self._idle.append(worker)
                self._rest()
        if isinstance(answer, Failure):
            raise DocumentUnreadable(answer.message, hint=answer.hint)
        return answer

    async def close(self) -> None:
        """Let all idle processes go."""
        if self._timer is not None:
            self._timer.cancel()
        self._let_go()
        if self._leaving:
            await asyncio.wait(self._leaving)

    async def _start(self) -> _Worker:
        # No file of the folder that this process works in may stand in for a library.
        command = [sys.executable, "-P", "-m", "muxi.knowledge.converter", str(self.bounds.memory)]
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            # A person's Ctrl-C is for this process, which ends the others.
            start_new_session=True,
            env={**environment, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        return _Worker(process)

    async def _ask(self, worker: _Worker, task: Task) -> Converted | Failure:
        worker.done += 1
        seconds = self.bounds.seconds * _WAIT
        try:
            async with asyncio.timeout(seconds):
                return await self._answer(worker.process, task)
        except TimeoutError:
            return Failure(f"Reading the document took longer than {seconds} seconds.")

    async def _answer(self, process: Process, task: Task) -> Converted | Failure:
        assert process.stdin is not None
        assert process.stdout is not None
        with suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(msgspec.json.encode(task) + b"\n")
            await process.stdin.drain()
        blocks: list[Block] = []
        rest = bytearray()
        size = 0
        while data := await process.stdout.read(_READ):
            size += len(data)
            if size > self.bounds.text:
                return Failure(f"The document has more than {self.bounds.text >> 20} MB of text.")
            rest += data
            if b"\n" not in data:
                continue
            *lines, rest = rest.split(b"\n")
            for line in lines:
                if not line.startswith(b"{"):
                    blocks.append(_block.decode(line))
                    continue
                end = _end.decode(line)
                return end if isinstance(end, Failure) else Converted(blocks, end.pages)
        return self._death(await process.wait())

    def _death(self, code: int) -> Failure:
        """What became of a process that ended without an answer."""
        if code == -signal.SIGXCPU:
            took = f"more than {self.bounds.seconds} seconds of processor time"
            return Failure(f"Reading the document took {took}.")
        return Failure(
            f"The document is broken, or needs more than {self.bounds.memory >> 20} MB of memory."
        )

    def _rest(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(_IDLE, self._let_go)

    def _let_go(self) -> None:
        for worker in self._idle:
            task = asyncio.create_task(_kill(worker.process))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        self._idle.clear()


async def _kill(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    if process.stdin is not None:
        process.stdin.close()
    # Until its output is read to the end, its pipe would stay open.
    if process.stdout is not None:
        while await process.stdout.read(_READ):
            pass
    await process.wait()
