"""Rules of annotations: what a tool says its calls do to the world."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from muxi.devkit.exchange import Json
from muxi.devkit.rules.evidence import Evidence, mapping, named, words
from muxi.devkit.rules.rule import Complaint, Rule

ABOUT: Final = "annotations"

MISSING = Rule(
    "annotations-missing",
    "warning",
    "Every tool says whether it only reads (readOnlyHint).",
    "Without it clients must take the tool for one that destroys, and ask before each call.",
    "Set `readOnlyHint`, and for a tool that writes also `destructiveHint`.",
)
DESTRUCTIVE = Rule(
    "annotations-destructive-missing",
    "note",
    "A tool that does not only read says whether it may destroy (destructiveHint).",
    "The default is that it may; a tool that only adds is asked about for nothing.",
    "Set `destructiveHint`.",
)
OPEN_WORLD = Rule(
    "annotations-open-world-missing",
    "note",
    "A tool says whether it deals with the world outside (openWorldHint).",
    "What comes from outside can hold instructions; clients treat it with more care.",
    "Set `openWorldHint`.",
)
CONTRADICTORY = Rule(
    "annotations-contradictory",
    "error",
    "No tool only reads and destroys.",
    "A client that believes the first lets the second pass without asking.",
    "Set `readOnlyHint` or `destructiveHint` to false.",
)
INVALID = Rule(
    "annotations-invalid",
    "error",
    "Hints are true or false.",
    'A client reads the text `"false"` as true, or refuses the tool.',
    "Write `true` or `false` without quotes.",
)
SUSPICIOUS = Rule(
    "annotations-suspicious",
    "warning",
    "A tool that says it only reads is not named after a change.",
    "Clients run it without asking anybody.",
    "Correct the hint, or the name.",
)

_HINTS: Final = ("readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint")
_CHANGES: Final = re.compile(
    r"(?:delete|remove|drop|write|create|update|insert|send|edit|rename|kill|purge|truncate"
    r"|upload|publish|pay|buy|reset)(?:[_.-]|$)"
)


def check(evidence: Evidence) -> Iterator[Complaint]:
    """What breaks these rules."""
    for tool in evidence.tools:
        yield from _tool(tool)


def _tool(tool: Json) -> Iterator[Complaint]:
    where, hints = named("tool", tool), mapping(tool, "annotations")
    for name in _HINTS:
        if hints.get(name) is not None and not isinstance(hints[name], bool):
            yield INVALID.at(where, f"{name} is {hints[name]!r}")
    reads = hints.get("readOnlyHint")
    if reads is None:
        yield MISSING.at(where, "it does not")
    elif reads is False and hints.get("destructiveHint") is None:
        yield DESTRUCTIVE.at(where, "it does not")
    if hints.get("openWorldHint") is None and reads is not None:
        yield OPEN_WORLD.at(where, "it does not")
    if reads is True and hints.get("destructiveHint") is True:
        yield CONTRADICTORY.at(where, "it says both")
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", words(tool, "name")).lower()
    if reads is True and (found := _CHANGES.match(name)):
        yield SUSPICIOUS.at(where, f"its name says {found[0].strip('_.-')!r}")
