"""The bytes of `muxi.lock`: read, checked and written whole. Called by `lock` only.

A file is JSON in one form, so that version control shows what a person approved. What was changed
in it by hand does not fit its hashes, and is refused.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from muxi.core.errors import LockInvalid
from muxi.core.json_shapes import is_object
from muxi.mcp.surface import Definition, Kind, fingerprint, name_of

_VERSION = 1

State = tuple[int, int, int]
"""What tells one state of a file from another."""


class Entry(BaseModel):
    """One trusted definition with its hash, which shows whether somebody changed it by hand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: str
    definition: Definition


class LockedServer(BaseModel):
    """What is trusted of one server."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    version: str = ""
    entries: dict[Kind, dict[str, Entry]] = Field(default_factory=dict[Kind, dict[str, Entry]])


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    lock: Literal[1]
    servers: dict[str, LockedServer]


def state_of(path: Path) -> State | None:
    """The state of a file; None if there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def parse(data: bytes) -> dict[str, LockedServer]:
    """The servers in a file.

    Raises:
        LockInvalid: It is no lock, or was changed by hand.
    """
    try:
        document = json.loads(data, object_pairs_hook=_without_twins)
        if is_object(document) and document.get("lock", _VERSION) != _VERSION:
            raise LockInvalid(
                "muxi.lock was written by another version of muxi.", hint="Upgrade muxi."
            )
        file = _File.model_validate(document)
    except (ValueError, RecursionError) as error:
        raise LockInvalid(f"muxi.lock is not a lock: {_words(error)}.") from None
    for server, locked in file.servers.items():
        for kind, entries in locked.entries.items():
            for name, entry in entries.items():
                if kind != "instructions" and name_of(kind, entry.definition) != name:
                    raise LockInvalid(f"muxi.lock: {server} has {name} under a false name.")
                if _hash(entry.definition) != entry.sha256:
                    raise LockInvalid(
                        f"muxi.lock: {name} of {server} was changed by hand; its hash is another."
                    )
    return file.servers


def _words(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(step) for step in first['loc'])}: {first['msg']}"
    return str(error) or type(error).__name__


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no name may come twice: two readers could take different ones."""
    found = dict(pairs)
    if len(found) != len(pairs):
        twin = next(name for name, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"{twin!r} is there twice")
    return found


def render(servers: Mapping[str, LockedServer]) -> bytes:
    """The file for these servers; the same servers give the same bytes."""
    document = {
        "lock": _VERSION,
        "servers": {name: server.model_dump(mode="json") for name, server in servers.items()},
    }
    text = json.dumps(document, ensure_ascii=False, indent=2, sort_keys=True)
    return f"{text}\n".encode("utf-8", "surrogatepass")


def replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        written = Path(temporary)
        written.chmod(0o644)
        written.replace(path)
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _hash(definition: Definition) -> str | None:
    try:
        return fingerprint(definition)
    except ValueError:
        return None
