"""A key service behind a program: one call starts it, asks it one thing and reads its answer.

Made by `runtime` from `storage.master_key.service`. The program is given one line of JSON:

    {"version": 1, "operation": "wrap", "key": "<base64>", "context": {…}}
    {"version": 1, "operation": "unwrap", "wrapped": "<base64>", "context": {…}}

and answers with one: `{"wrapped": "<base64>"}`, `{"key": "<base64>"}` or `{"error": "words"}`.
`context` is `{"purpose": "muxi master key"}` both times, for services that bind it to what they
wrap. Keys never stand on the command line or in the environment of the program.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from muxi.core.errors import KeyServiceFailed
from muxi.core.json_shapes import is_object
from muxi.telemetry.redaction import SECRETS

CONTEXT: Final = {"purpose": "muxi master key"}
_LARGEST: Final = 65_536
"""Bytes of the longest answer."""


class CommandKeyService:
    """A `KeyService` that is a program.

    Args:
        command: The program and its arguments.
        folder: Where it starts.
        seconds: How long one answer may take.
    """

    def __init__(self, command: Sequence[str], *, folder: Path, seconds: float) -> None:
        self._command = tuple(command)
        self._folder = folder
        self._seconds = seconds

    async def wrap(self, key: bytes) -> bytes:
        """See `core.ports.KeyService`."""
        return await self._ask("wrap", "key", key, "wrapped")

    async def unwrap(self, wrapped: bytes) -> bytes:
        """See `core.ports.KeyService`."""
        return await self._ask("unwrap", "wrapped", wrapped, "key")

    async def _ask(self, operation: str, given: str, value: bytes, wanted: str) -> bytes:
        request: dict[str, Any] = {
            "version": 1,
            "operation": operation,
            given: b64encode(value).decode(),
            "context": CONTEXT,
        }
        answer = await self._exchange(json.dumps(request).encode() + b"\n")
        found = answer.get(wanted)
        if not isinstance(found, str):
            words = answer.get("error")
            raise self._failed(str(words) if words else f"its answer has no `{wanted}`")
        try:
            return b64decode(found, validate=True)
        except ValueError:
            raise self._failed(f"its `{wanted}` is not base64") from None

    async def _exchange(self, line: bytes) -> dict[str, Any]:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=self._folder,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise self._failed(f"it cannot be started: {error.strerror}") from None
        try:
            async with asyncio.timeout(self._seconds):
                out, said = await process.communicate(line)
        except TimeoutError:
            raise self._failed(f"it did not answer within {self._seconds:g} s") from None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        answer = _object(out)
        if answer is None or (process.returncode and "error" not in answer):
            words = said.decode(errors="replace").strip()[-300:]
            code = process.returncode
            raise self._failed(
                f"it ended with {code}: {words}" if code else "its answer is no JSON"
            )
        return answer

    def _failed(self, words: str) -> KeyServiceFailed:
        told = " ".join(SECRETS.redact(words).split())[:300]
        return KeyServiceFailed(f"The key service {Path(self._command[0]).name} failed: {told}.")


def _object(out: bytes) -> dict[str, Any] | None:
    try:
        answer = json.loads(out) if len(out) <= _LARGEST else None
    except ValueError:
        return None
    return answer if is_object(answer) else None
