"""What a change of a tool means for those who call it: nothing, more than before, or less.

Called by `version_check`. A caller sends arguments that the old schema admits, under names that it
declares. A change *breaks* if the new schema refuses some of them, if a call that leaves an
argument out now means something else, or if a promise is withdrawn. It *adds* if the new schema
admits more. Else only words have changed. What cannot be compared counts as broken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from muxi.core.requests import ToolAnnotations, ToolSpec
from muxi.tools.schema_admits import refusals
from muxi.tools.schema_values import mapping

Level = Literal["none", "patch", "minor", "major"]
LEVELS: Final[tuple[Level, ...]] = ("none", "patch", "minor", "major")


@dataclass(frozen=True, slots=True)
class Change:
    """How far a tool has changed, and in what, in words for people."""

    level: Level
    reasons: tuple[str, ...]


def change_of(old: ToolSpec, new: ToolSpec) -> Change:
    """What the change from `old` to `new` means for callers of `old`."""
    broken = [
        *refusals(old.parameters, new.parameters),
        *_other_defaults(old.parameters, new.parameters),
        *_withdrawn(old, new),
    ]
    if broken:
        return Change("major", tuple(dict.fromkeys(broken)))
    added = [f"it admits more: {reason}" for reason in refusals(new.parameters, old.parameters)]
    added += [f"it now promises: {promise}" for promise in _withdrawn_promises(new, old)]
    if added:
        return Change("minor", tuple(dict.fromkeys(added)))
    worded = list(_reworded(old, new))
    return Change("patch" if worded else "none", tuple(worded))


def _withdrawn(old: ToolSpec, new: ToolSpec) -> Iterator[str]:
    for promise in _withdrawn_promises(old, new):
        yield f"it no longer promises: {promise}"


def _withdrawn_promises(old: ToolSpec, new: ToolSpec) -> list[str]:
    """What callers of `old` could count on and callers of `new` cannot."""
    kept = set(_promises(new.annotations, new.idempotent))
    return [each for each in _promises(old.annotations, old.idempotent) if each not in kept]


def _promises(told: ToolAnnotations, idempotent: bool) -> list[str]:
    said = {
        "to change nothing": told.read_only is True,
        "to destroy nothing": told.destructive is False or told.read_only is True,
        "to stay within the project": told.open_world is False,
        "that a call may be repeated": idempotent,
    }
    return [promise for promise, given in said.items() if given]


def _other_defaults(old: Any, new: Any, path: str = "") -> Iterator[str]:
    """Arguments that mean something else when they are left out."""
    before, after = mapping(old), mapping(new)
    if path and "default" in before and before["default"] != after.get("default", before):
        now = repr(after["default"]) if "default" in after else "none"
        yield f"`{path}` means another value when it is left out: {before['default']!r}, now {now}"
    known = mapping(after.get("properties"))
    for name, schema in mapping(before.get("properties")).items():
        if name in known:
            yield from _other_defaults(schema, known[name], f"{path}.{name}".lstrip("."))


def _reworded(old: ToolSpec, new: ToolSpec) -> Iterator[str]:
    if old.description != new.description:
        yield "its description has changed"
    if old.annotations.title != new.annotations.title:
        yield "its title has changed"
    if old.examples != new.examples:
        yield "its examples have changed"
    if old.parameters != new.parameters:
        yield "the words of its schema have changed"
