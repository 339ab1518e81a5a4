"""Writes generated pages of docs/reference: events, errors, the API and the project file.

Run it after a change of `muxi.core`; a test fails when a page is stale. `--check` writes nothing.
"""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pages import keep
from pydantic.fields import FieldInfo

from muxi.config.schema import project_schema
from muxi.core import errors, events
from muxi.core.events import Event
from muxi.server.table import all_operations

PAGES = Path(__file__).parents[1] / "docs" / "reference"
NOTE = "<!-- Written by scripts/make_reference.py from the code; do not edit. -->\n"


def events_page() -> str:
    lines = [
        "# Events\n",
        NOTE,
        "A run is a stream of events. Over SSE each is one frame: `id` is `seq`, `event` is the",
        "type, `data` is the JSON below without empty fields. All events have `run_id` and `seq`,",
        "the place in the thread's stream. Events and fields that you do not know may come with",
        "any version: pass over them.\n",
    ]
    for kind in events.KINDS.values():
        lines += [f"## `{kind.model_fields['type'].default}`\n", _text(kind.__doc__), ""]
        rows = [
            f"| `{name}` | `{_type(field)}` | {_default(field)} |"
            for name, field in kind.model_fields.items()
            if name not in Event.model_fields
        ]
        if rows:
            lines += ["| field | type | default |", "| --- | --- | --- |", *rows, ""]
    return "\n".join(lines)


def errors_page() -> str:
    lines = [
        "# Errors\n",
        NOTE,
        "Every error of muxi has a stable `code`, a message and mostly a hint. In Python they are",
        "classes of `muxi.core.errors`; over HTTP they are problems (RFC 9457) with the same code;",
        "a failed run carries one in `run.completed`.\n",
        "| code | class | what it says | what to do |",
        "| --- | --- | --- | --- |",
    ]
    for kind in _tree(errors.MuxiError):
        hint = kind.hint or ""
        lines.append(f"| `{kind.code}` | `{kind.__name__}` | {_text(kind.__doc__)} | {hint} |")
    return "\n".join([*lines, ""])


def api_page() -> str:
    lines = [
        "# The API\n",
        NOTE,
        "A running server describes itself at `/openapi.json` (OpenAPI 3.1). Lists are",
        '`{"items": […], "next": cursor}`, errors are problems (RFC 9457) with a stable `code`,',
        "and every request needs `Authorization: Bearer` with the token of `.muxi/token`, or the",
        "cookie of the one-time link, except where it says *open*.\n",
        "| method | path | what it does |",
        "| --- | --- | --- |",
    ]
    for operation in sorted(all_operations(), key=lambda op: (op.path, op.method)):
        notes = " (events)" * operation.events + " (*open*)" * operation.open
        lines.append(f"| {operation.method} | `{operation.path}` | {operation.summary}{notes} |")
    return "\n".join([*lines, ""])


def project_page() -> str:
    schema = project_schema()
    lines = [
        "# muxi.yaml\n",
        NOTE,
        "[The JSON Schema](muxi.schema.json) of this file gives editors completion. `${NAME}`",
        "stands for an environment variable, `${NAME:-default}` for one with a default,",
        "`secret://NAME` for a stored secret.\n",
        *_settings(schema["properties"]),
    ]
    for name, part in schema["$defs"].items():
        if part.get("properties"):
            lines += [
                f"## {name}\n",
                part.get("description", ""),
                "",
                *_settings(part["properties"]),
            ]
    return "\n".join(lines)


def _settings(properties: dict[str, Any]) -> list[str]:
    rows = ["| setting | default | meaning |", "| --- | --- | --- |"]
    for name, field in properties.items():
        default = "" if field.get("default") is None else f"`{json.dumps(field['default'])}`"
        text = " ".join(str(field.get("description", "")).split()).replace("|", "\\|")
        rows.append(f"| `{name}` | {default} | {text} |")
    return [*rows, ""]


def _tree(base: type[errors.MuxiError]) -> Iterator[type[errors.MuxiError]]:
    yield base
    for kind in base.__subclasses__():
        yield from _tree(kind)


def _text(doc: str | None) -> str:
    return " ".join(inspect.cleandoc(doc or "").split()).removeprefix("*model.* ")


def _type(field: FieldInfo) -> str:
    annotation = field.annotation
    name = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    for noise in ("typing.", "muxi.core.events.", "muxi.core.messages.", "muxi.core.usage."):
        name = name.replace(noise, "")
    if "Discriminator" in name:
        return "list of parts"
    return name.replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "" if field.default is None else f"`{field.get_default(call_default_factory=True)!r}`"


PAGES_BY_NAME = {
    "events.md": events_page,
    "errors.md": errors_page,
    "api.md": api_page,
    "project.md": project_page,
}


if __name__ == "__main__":
    sys.exit(keep(PAGES, PAGES_BY_NAME))
