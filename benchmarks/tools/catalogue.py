"""A thousand tools of a hundred servers, the same each time, and prompts that ask for some of them.

Read by `measure`, and by the tests that hold what was measured.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muxi.config.tool_settings import ASSISTANT_TOOLS
from muxi.core.requests import ToolAnnotations, ToolSpec
from muxi.tools.builtin.catalogue import builtin_tools

_FOLDER = Path(__file__).parent

_TEXT = {"type": "string"}
_ACTIONS: tuple[tuple[str, bool, str, dict[str, dict[str, Any]]], ...] = (
    (
        "create_{one}",
        False,
        "Create a new {one}: {gloss}.",
        {
            "title": {**_TEXT, "description": "Name or subject of the {one}."},
            "details": {**_TEXT, "description": "Everything else that is known of it."},
            "labels": {"type": "array", "items": _TEXT, "description": "Marks to find it again."},
        },
    ),
    (
        "list_{many}",
        True,
        "List {many}, the newest first ({gloss}).",
        {
            "limit": {"type": "integer", "minimum": 1, "description": "The most {many}."},
            "status": {"enum": ["open", "closed", "all"], "description": "Which of them."},
        },
    ),
    (
        "get_{one}",
        True,
        "Get one {one} with all that is known of it; {gloss}.",
        {"id": {**_TEXT, "description": "Which {one}: its number or name."}},
    ),
    (
        "update_{one}",
        False,
        "Change an existing {one} ({gloss}).",
        {
            "id": {**_TEXT, "description": "Which {one}."},
            "changes": {"type": "object", "description": "New values by field."},
        },
    ),
    (
        "delete_{one}",
        False,
        "Delete a {one} for good ({gloss}).",
        {"id": {**_TEXT, "description": "Which {one}."}},
    ),
    (
        "search_{many}",
        True,
        "Search {many} by words and filters; {gloss}.",
        {
            "query": {**_TEXT, "description": "Words to look for."},
            "limit": {"type": "integer", "minimum": 1, "description": "The most results."},
        },
    ),
    (
        "export_{many}",
        True,
        "Export {many} as CSV or PDF ({gloss}).",
        {"format": {"enum": ["csv", "pdf"], "description": "Format of the export."}},
    ),
    (
        "share_{one}",
        False,
        "Share a {one} with other people ({gloss}).",
        {
            "id": {**_TEXT, "description": "Which {one}."},
            "people": {"type": "array", "items": _TEXT, "description": "With whom."},
        },
    ),
    (
        "comment_on_{one}",
        False,
        "Add a comment to a {one} ({gloss}).",
        {
            "id": {**_TEXT, "description": "Which {one}."},
            "comment": {**_TEXT, "description": "What to say."},
        },
    ),
    (
        "archive_{one}",
        False,
        "Move a {one} to the archive ({gloss}).",
        {"id": {**_TEXT, "description": "Which {one}."}},
    ),
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a user says, and the tool that it asks for."""

    set: str
    """`choose` for what weights were chosen by, `held out` for what they are judged by."""
    prompt: str
    tool: str


def thousand_tools() -> tuple[ToolSpec, ...]:
    """Ten tools of each of a hundred servers."""
    lines = (_FOLDER / "areas.txt").read_text("utf-8").splitlines()
    return tuple(_spec(action, *line.split("|")) for line in lines for action in _ACTIONS)


def prompts() -> list[Prompt]:
    """The labelled prompts."""
    text = (_FOLDER / "prompts.jsonl").read_text("utf-8")
    return [Prompt(**json.loads(line)) for line in text.splitlines()]


def foreign() -> tuple[tuple[ToolSpec, ...], list[Prompt]]:
    """Tools and prompts that were written for the embedded model, before there was any search."""
    folder = _FOLDER.parent / "embedded"
    specs = [made.spec for kind in ASSISTANT_TOOLS for made in builtin_tools(kind)]
    for line in (folder / "custom_tools.jsonl").read_text("utf-8").splitlines():
        specs.append(ToolSpec.model_validate_json(line))
    found: list[Prompt] = []
    for name in ("custom_requests.jsonl", "held_out.jsonl"):
        for line in (folder / name).read_text("utf-8").splitlines():
            row = json.loads(line)
            if row["tool"] is not None:
                found.append(Prompt("foreign", row["request"], row["tool"]))
    return tuple(specs), found


def _spec(
    action: tuple[str, bool, str, dict[str, dict[str, Any]]],
    server: str,
    one: str,
    many: str,
    gloss: str,
) -> ToolSpec:
    name, read_only, description, properties = action
    words = {"one": one, "many": many, "gloss": gloss}
    described = {
        key: {k: v.format(**words) if k == "description" else v for k, v in child.items()}
        for key, child in properties.items()
    }
    return ToolSpec(
        name=f"{server}__{name.format(**words).replace(' ', '_')}",
        description=description.format(**words),
        parameters={
            "type": "object",
            "properties": described,
            "required": [next(iter(described))],
            "additionalProperties": False,
        },
        version="1.0.0",
        annotations=ToolAnnotations(read_only=read_only),
    )
