"""Compares what a server offers with its tools.lock.json. Called by `muxi mcp lock TARGET`.

A changed description, schema, annotation or instruction is a change, however harmless it looks:
whoever approved the server approved those words.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from muxi.core.errors import LockInvalid
from muxi.devkit.tools_lock import TOOLS_LOCK, locked, tools_lock_text
from muxi.mcp.difference import difference
from muxi.mcp.lock_file import Entry
from muxi.mcp.surface import Kind, Surface, fingerprint

_HINT = f"Restore {TOOLS_LOCK} from version control, or delete it and lock anew."


@dataclass(frozen=True, slots=True)
class SurfaceChange:
    """A part that is not what was locked."""

    kind: Kind
    name: str
    change: Literal["new", "changed", "removed"]
    difference: str
    """From what was locked to what is offered, as a unified diff."""


class _File(BaseModel):
    model_config = ConfigDict(extra="ignore")

    lock: Literal[1]
    entries: dict[Kind, dict[str, Entry]]


def changes(surface: Surface, file: Path) -> list[SurfaceChange]:
    """How a surface differs from the lock in `file`; all is new where there is none.

    Raises:
        LockInvalid: The file is no lock, or was changed by hand.
    """
    before = _read(file) if file.is_file() else {}
    after = locked(surface).entries
    kinds: list[Kind] = [*after, *(kind for kind in before if kind not in after)]
    found: list[SurfaceChange] = []
    for kind in kinds:
        old, new = before.get(kind, {}), after.get(kind, {})
        for name in sorted({*old, *new}):
            was, now = old.get(name), new.get(name)
            if was is not None and now is not None and was.sha256 == now.sha256:
                continue
            text = difference(was and was.definition, now and now.definition)
            what = "new" if was is None else "removed" if now is None else "changed"
            found.append(SurfaceChange(kind, name, what, text))
    return found


def write(surface: Surface, file: Path) -> None:
    """Lock a surface."""
    file.write_text(tools_lock_text(surface), encoding="utf-8")


def _read(file: Path) -> dict[Kind, dict[str, Entry]]:
    try:
        entries = _File.model_validate_json(file.read_bytes()).entries
    except (OSError, ValidationError) as error:
        raise LockInvalid(f"{file} is no lock of a server's tools.", hint=_HINT) from error
    for found in entries.values():
        for name, entry in found.items():
            if fingerprint(entry.definition) != entry.sha256:
                raise LockInvalid(f"{file}: {name} was changed by hand.", hint=_HINT)
    return entries
