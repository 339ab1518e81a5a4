"""A server's process: started with few variables of this one, ended as a whole.

Used by the wires that need one.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from muxi.core.errors import ServerUnavailable

_INHERITED: Final = frozenset(
    {
        "APPDATA", "COMSPEC", "HOME", "HOMEDRIVE", "HOMEPATH", "LANG", "LC_ALL", "LC_CTYPE",
        "LOCALAPPDATA", "LOGNAME", "NODE_EXTRA_CA_CERTS", "PATH", "PATHEXT", "PROGRAMDATA",
        "REQUESTS_CA_BUNDLE", "SHELL", "SSL_CERT_DIR", "SSL_CERT_FILE", "SYSTEMDRIVE", "SYSTEMROOT",
        "TEMP", "TERM", "TMP", "TMPDIR", "TZ", "USER", "USERNAME", "USERPROFILE", "WINDIR",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
    }
)  # fmt: skip
"""What every program needs. Keys and tokens of this process are not the server's business."""
_INSTALLERS: Final = ("uv", "uvx", "pip", "pipx", "npm", "npx", "pnpm", "bunx", "docker")
_OF_INSTALLERS: Final = ("UV_", "PIP_", "NPM_CONFIG_", "PIPX_", "DOCKER_")
"""Where packages come from and are kept, for programs that fetch them."""
_GRACE: Final = 2.0
"""Seconds that a server gets to end by itself."""
_LINE: Final = 2_000
"""Characters of a line for people that are kept."""


class ServerProcess:
    """One running process and all that it started."""

    def __init__(self, process: asyncio.subprocess.Process, said: Callable[[str], None]) -> None:
        self._process = process
        self._errors = asyncio.create_task(_read_lines(process, said))

    @classmethod
    async def start(
        cls,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        said: Callable[[str], None],
    ) -> ServerProcess:
        """Start `command`; `said` is called with each line of its standard error.

        Raises:
            ServerUnavailable: The system cannot start it.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=_environment(command[0], env),
                cwd=cwd,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise ServerUnavailable(
                f"The server cannot be started: {error}.", hint="Check its command and folder."
            ) from error
        return cls(process, said)

    @property
    def output(self) -> asyncio.StreamReader:
        """Its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    @property
    def input(self) -> asyncio.StreamWriter:
        """Its standard input."""
        assert self._process.stdin is not None
        return self._process.stdin

    async def ending(self) -> str:
        """How it ended, in words; waits until then."""
        code = await self._process.wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(self._errors), _GRACE)
        if code < 0:
            with suppress(ValueError):
                return f"it was killed by {signal.Signals(-code).name}"
        return f"it ended with exit code {code}"

    async def stop(self, *, reads_input: bool = True) -> float:
        """End it and what it started; seconds that it took.

        A server that reads its input is expected to end when that is closed.
        """
        started = asyncio.get_running_loop().time()
        self.input.close()
        try:
            await asyncio.wait_for(self._process.wait(), _GRACE if reads_input else 0)
        except TimeoutError:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), _GRACE)
        took = asyncio.get_running_loop().time() - started
        self._signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        await self._process.wait()
        self._errors.cancel()
        with suppress(asyncio.CancelledError):
            await self._errors
        return took

    def _signal(self, number: int) -> None:
        """Reach the process and what it started: runners such as npx do not pass signals on."""
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self._process.pid, number)
            elif self._process.returncode is None:
                self._process.send_signal(number)


def _environment(program: str, more: Mapping[str, str]) -> dict[str, str]:
    installs = Path(program).stem.lower() in _INSTALLERS
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in _INHERITED or (installs and name.upper().startswith(_OF_INSTALLERS))
    }
    return {**kept, "PYTHONUNBUFFERED": "1", **more}


async def _read_lines(process: asyncio.subprocess.Process, said: Callable[[str], None]) -> None:
    assert process.stderr is not None
    while True:
        try:
            line = await process.stderr.readline()
        except ValueError:  # longer than the reader's buffer, which was emptied
            continue
        if not line:
            return
        said(line.decode("utf-8", "replace").rstrip()[:_LINE])
