"""The project's own look at files that come from outside, before anybody may use them.

Called by `files`. A scanner that fails lets nothing pass.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from muxi.core.errors import ConfigError, FileRefused, ProgramFailed
from muxi.runtime.project_functions import function_at

Scan = Callable[[Path, str], Awaitable[None]]
"""Looks at a file of a media type. Raises `FileRefused`, or `ProgramFailed` if it cannot tell."""

_SHOWN = 500
"""Characters of what a scanner says that are told."""


def scanner(setting: str | Sequence[str], folder: Path, *, seconds: float) -> Scan:
    """What a project's setting names: a function of the project, or a command.

    Raises:
        ConfigError: There is no such function.
    """
    look = _by_function(setting, folder) if isinstance(setting, str) else _by_command(setting)

    async def scan(path: Path, media_type: str) -> None:
        try:
            async with asyncio.timeout(seconds):
                reason = await look(path, media_type)
        except TimeoutError:
            raise ProgramFailed("The scanner of files did not answer in time.") from None
        if reason is not None:
            raise FileRefused(f"The file was refused: {reason[:_SHOWN]}")

    return scan


def _by_function(place: str, folder: Path) -> Callable[[Path, str], Awaitable[str | None]]:
    function = function_at(place, folder, what="The scanner of files")

    async def look(path: Path, media_type: str) -> str | None:
        if inspect.iscoroutinefunction(function):
            told: Any = await function(path, media_type)
        else:
            told = await asyncio.to_thread(function, path, media_type)
        if told is None or isinstance(told, str):
            return told
        raise ProgramFailed("The scanner of files gave neither a reason to refuse one nor None.")

    return look


def _by_command(command: Sequence[str]) -> Callable[[Path, str], Awaitable[str | None]]:
    if not command:
        raise ConfigError("`files.scan` is an empty command.")

    async def look(path: Path, media_type: str) -> str | None:
        arguments = [part.replace("{path}", str(path)) for part in command]
        try:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                env={name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            )
        except OSError as error:
            raise ProgramFailed(
                f"The scanner of files cannot be started: {error.strerror}."
            ) from error
        try:
            said, _ = await process.communicate()
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        # As scanners of viruses do: 0 for clean, 1 for a find, anything else for their own trouble.
        if process.returncode == 1:
            return said.decode(errors="replace").strip() or "the scanner found something in it."
        if process.returncode:
            raise ProgramFailed(f"The scanner of files failed with status {process.returncode}.")
        return None

    return look
