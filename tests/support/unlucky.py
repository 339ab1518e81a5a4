"""A project whose provider, tools and disk misbehave, with a key that must never be seen again.

`unlucky` gives the project; it is used as a command, as a server in this process, or by its files.
After each test no file of it, no output and no log may hold the key in clear.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import shlex
import subprocess
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from muxi.client.client import Client
from muxi.config.load import load_project
from muxi.core.events import Event, RunCompleted
from muxi.runtime.build import open_runtime
from muxi.server.serve import serving
from tests.support.command import DEADLINE, Done, Muxi
from tests.support.hostile import KEY, Hostile, hostile
from tests.support.served import Served

PROJECT = """\
model: shaky
models:
  shaky:
    model: openai/fake
    base_url: {url}
    key: ${{PLANTED_KEY}}
    retry: {{attempts: 2, delay: 0.01, max_delay: 1}}
agents:
  assistant:
    tools: [calculator, raises, hangs, huge, odd]
tools:
  raises: tools.py:raises
  hangs: {{function: "tools.py:hangs", timeout: 0.2}}
  huge: tools.py:huge
  odd: tools.py:odd
"""

TOOLS = '''\
import os
import threading

def raises() -> str:
    """Always fails, and tells what it was given."""
    raise RuntimeError("refused: Authorization: Bearer " + os.environ["PLANTED_KEY"])

def hangs() -> str:
    """Never comes back."""
    threading.Event().wait(20)
    return "late"

def huge() -> str:
    """Returns 50 MB."""
    return "x" * 50_000_000

def odd(kind: str) -> object:
    """Returns what is no JSON, or hardly."""
    return {
        "object": object(),
        "lock": threading.Lock(),
        "half": "a\\ud800b\\x00c",
        "nan": float("nan"),
        "number": 10**400,
    }[kind]
'''


@dataclass
class Unlucky(Muxi):
    """The project as a command whose output is watched."""

    provider: Hostile = field(default_factory=Hostile)
    said: list[str] = field(default_factory=list[str])
    """All that its commands have written."""

    async def __call__(self, *arguments: str, input: str | None = None) -> Done:
        done = await super().__call__(*arguments, input=input)
        self.said += [done.out, done.err]
        assert "Traceback" not in done.err, done.err
        return done

    async def limited(self, what: int, limit: int, *arguments: str) -> Done:
        """The command with a limit of the system on it, such as the size of its files."""
        return await self._done(
            *(sys.executable, "-m", "muxi", *arguments),
            preexec_fn=partial(resource.setrlimit, what, (limit, limit)),
        )

    async def through_shell(self, arguments: str, *, before: str = "true") -> Done:
        """The command as a line of a shell, which may redirect it."""
        muxi = f"{shlex.quote(sys.executable)} -m muxi"
        return await self._done("sh", "-c", f"{before} && exec {muxi} {arguments}")

    async def _done(self, *command: str, **options: Any) -> Done:
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=DEADLINE,
            **options,
        )
        self.said += [done.stdout, done.stderr]
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    @property
    def database(self) -> Path:
        return self.folder / ".muxi" / "muxi.db"

    @asynccontextmanager
    async def served(self) -> AsyncGenerator[Served]:
        """The project behind its server, in this process."""
        runtime = await open_runtime(load_project(self.folder))
        try:
            async with serving(runtime, port=0) as server:
                token = runtime.state.token()
                url = (server.url or "").replace("localhost", "127.0.0.1")
                headers = {"Authorization": f"Bearer {token}"}
                async with (
                    Client(url, token=token) as client,
                    aiohttp.ClientSession(headers=headers) as http,
                ):
                    yield Served(runtime, server, client, http, url)
        finally:
            await runtime.close()

    def leaks(self) -> list[str]:
        """Where the key is seen: files below the project, and what was said."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        found = [str(path) for path in files if KEY.encode() in path.read_bytes()]
        return found + [text for text in self.said if KEY in text]


def ending(events: list[Event]) -> RunCompleted:
    """How a run ended."""
    last = events[-1]
    assert isinstance(last, RunCompleted)
    return last


@pytest.fixture
async def provider() -> AsyncIterator[Hostile]:
    async with hostile() as it:
        yield it


@pytest.fixture
async def unlucky(
    muxi: Muxi,
    provider: Hostile,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[Unlucky]:
    """The project; afterwards the key must be nowhere."""
    caplog.set_level(logging.DEBUG, "muxi")
    monkeypatch.setenv("PLANTED_KEY", KEY)
    (muxi.folder / "muxi.yaml").write_text(PROJECT.format(url=provider.url), encoding="utf-8")
    (muxi.folder / "tools.py").write_text(TOOLS, encoding="utf-8")
    it = Unlucky(muxi.folder, {**muxi.environment, "PLANTED_KEY": KEY}, provider)
    yield it
    assert it.leaks() == []
    assert KEY not in caplog.text
