"""What an MCP server offers, as plain data in the protocol's own words, and its canonical hash.

Made by connections and by `devkit` from what a server lists, compared and kept by `lock`. It needs
no SDK, so that agents can be told of tools before anything was connected.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, cast

from muxi.core.lock_changes import SurfaceKind
from muxi.core.record import Record

Kind = SurfaceKind

Definition = dict[str, Any]
"""One tool, prompt or template as the server lists it: names in the protocol's spelling."""

INSTRUCTIONS = "instructions"
"""Under which name a server's instructions are found, of which there is one text."""

_PINNED: dict[Kind, tuple[str, ...]] = {
    "tool": ("name", "title", "description", "inputSchema", "outputSchema", "annotations"),
    "prompt": ("name", "title", "description", "arguments"),
    "resource_template": ("uriTemplate", "name", "title", "description", "mimeType"),
    "instructions": ("text",),
}
"""What of a definition counts: all that a model reads or a client acts by.

Icons and `_meta` do not, and neither does what only one revision of the protocol has, so that a
server has the same hashes whichever revision it is asked in.
"""


class Surface(Record):
    """All that one server offers."""

    name: str = ""
    """How the server calls itself."""
    version: str = ""
    instructions: str = ""
    """What the server would have every model know of it."""
    tools: tuple[Definition, ...] = ()
    prompts: tuple[Definition, ...] = ()
    resource_templates: tuple[Definition, ...] = ()

    def items(self) -> Iterator[tuple[Kind, str, Definition]]:
        """Each part that is locked by itself: its kind, its name and what counts of it."""
        if self.instructions:
            yield "instructions", INSTRUCTIONS, {"text": self.instructions}
        for tool in self.tools:
            yield "tool", name_of("tool", tool), pinned("tool", tool)
        for prompt in self.prompts:
            yield "prompt", name_of("prompt", prompt), pinned("prompt", prompt)
        for template in self.resource_templates:
            kind: Kind = "resource_template"
            yield kind, name_of(kind, template), pinned(kind, template)


def name_of(kind: Kind, definition: Mapping[str, Any]) -> str:
    """What a definition goes by within its kind."""
    return str(definition.get("uriTemplate" if kind == "resource_template" else "name", ""))


def pinned(kind: Kind, definition: Mapping[str, Any]) -> Definition:
    """What of a definition counts, without what is null and what says nothing."""
    found: Definition = {}
    for key in _PINNED[kind]:
        value: Any = definition.get(key)
        if key == "annotations" and isinstance(value, dict):
            hints = cast("dict[str, Any]", value).items()
            value = {name: hint for name, hint in hints if hint is not None} or None
        if value is not None and value != "":
            found[key] = value
    return found


def fingerprint(definition: Mapping[str, Any]) -> str:
    """SHA-256 over the canonical JSON of a definition, in hexadecimal digits.

    Raises:
        ValueError: It holds a number that JSON does not have, or is nested beyond all measure.
    """
    return hashlib.sha256(canonical(definition).encode("utf-8", "surrogatepass")).hexdigest()


def canonical(value: Any) -> str:
    """JSON of which there is one text only: keys sorted, no spaces, `1.0` written as `1`.

    Raises:
        ValueError: It holds a number that JSON does not have, or is nested beyond all measure.
    """
    try:
        return json.dumps(
            _plain(value),
            ensure_ascii=False,
            sort_keys=True,
            separators=(",", ":"),
            allow_nan=False,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in cast("dict[str, Any]", value).items()}
        case list() | tuple():
            return [_plain(inner) for inner in cast("list[Any]", value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
