"""A terminal with a person at it: tmux, driven by a test."""

from __future__ import annotations

import asyncio
import itertools
import os
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.support.command import DEADLINE, Muxi

_numbers = itertools.count(1)
_GLANCE = 0.05
"""Seconds between two looks at the screen, which tells nobody when it changes."""


@dataclass
class Terminal:
    """One tmux server with one window."""

    server: str

    async def tmux(self, *arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "tmux",
            "-L",
            self.server,
            "-f",
            "/dev/null",
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def screen(self, *, styles: bool = False) -> str:
        """Everything that was written, what has scrolled away included."""
        return await self.tmux("capture-pane", "-p", "-S", "-500", *(("-e",) if styles else ()))

    async def sees(self, *texts: str, times: int = 1) -> str:
        """Wait until all of `texts` are on the screen, so many times; gives the screen."""
        shown = ""
        try:
            async with asyncio.timeout(DEADLINE):
                while not all(shown.count(text) >= times for text in texts):
                    await asyncio.sleep(_GLANCE)
                    shown = await self.screen()
        except TimeoutError:
            raise AssertionError(f"{texts} did not appear:\n{shown}") from None
        return shown

    async def type(self, text: str, *keys: str) -> None:
        """Type `text` and then press `keys`, Enter by default."""
        if text:
            await self.tmux("send-keys", "-l", text)
        await self.tmux("send-keys", *(keys or ("Enter",)))

    async def press(self, *keys: str) -> None:
        await self.tmux("send-keys", *keys)

    async def pid(self) -> int:
        """The process that runs in the window."""
        return int(await self.tmux("display-message", "-p", "#{pane_pid}"))

    async def ended(self) -> None:
        """Wait until the program in the window has ended."""
        async with asyncio.timeout(DEADLINE):
            while (await self.tmux("display-message", "-p", "#{pane_dead}")).strip() != "1":  # noqa: ASYNC110 -- tmux tells nobody
                await asyncio.sleep(_GLANCE)


@asynccontextmanager
async def terminal(
    muxi: Muxi, *arguments: str, width: int = 80, height: int = 30, **environment: str
) -> AsyncIterator[Terminal]:
    """A terminal in which `muxi` runs with these arguments."""
    it = Terminal(f"muxi-test-{os.getpid()}-{next(_numbers)}")
    variables = {**muxi.environment, **environment}
    command = shlex.join(
        [
            "env",
            "-i",
            *(f"{name}={value}" for name, value in variables.items()),
            *("" if "TERM" in environment else "TERM=screen-256color").split(),
            sys.executable,
            "-m",
            "muxi",
            *arguments,
        ]
    )
    size = ("-x", str(width), "-y", str(height))
    keep = ("set-option", "-g", "remain-on-exit", "on", ";")
    await it.tmux(*keep, "new-session", "-d", *size, "-c", str(muxi.folder), command)
    try:
        yield it
    finally:
        await it.tmux("kill-server")
