"""Tools of a server as a model is told of them: names, schemas, hints. Called by `toolset`.

Works on what was admitted, in the protocol's own words, and needs neither the SDK nor the server.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Final, cast

from muxi.config.mcp_settings import SEPARATOR, McpServerSettings
from muxi.core.json_shapes import is_object
from muxi.core.requests import ToolAnnotations, ToolSpec
from muxi.mcp.surface import Definition, Surface
from muxi.tools.json_schema import judge

_LONGEST_NAME: Final = 64
"""Characters that every provider admits."""
_UNFIT: Final = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_DESCRIPTION: Final = 8_000
_VERSION: Final = re.compile(r"\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")


@dataclass(frozen=True)
class RemoteTool:
    """A tool of a server, under the name that models know it by."""

    server: str
    name: str
    """What the server calls it."""
    spec: ToolSpec
    output: dict[str, Any] | None = None
    """JSON Schema of its structured result."""
    closed: bool = False
    """Whether its schema plainly lists all arguments that there are."""

    @cached_property
    def wrong_arguments(self) -> Callable[[Any], list[str]]:
        """What is wrong with the arguments of a call."""
        return judge(self.spec.parameters)

    @cached_property
    def wrong_output(self) -> Callable[[Any], list[str]]:
        """What is wrong with a structured result."""
        return judge(self.output or {})


def remote_tools(
    server: str, surface: Surface, settings: McpServerSettings
) -> Iterator[RemoteTool]:
    """The tools of a server that the project's settings let through."""
    taken: set[str] = set()
    for tool in surface.tools:
        name = str(tool.get("name", ""))
        if not any(fnmatchcase(name, pattern) for pattern in settings.tools):
            continue
        shown = shown_name(server, name, prefix=settings.prefix)
        if shown in taken:
            shown = _distinct(shown, name)
        taken.add(shown)
        yield _tool(server, name, shown, tool, surface=surface, settings=settings)


def shown_name(server: str, name: str, *, prefix: bool) -> str:
    """What a model calls a tool: letters that every provider admits, and not too many of them."""
    shown = _UNFIT.sub("_", f"{server}{SEPARATOR}{name}" if prefix else name)
    return shown if len(shown) <= _LONGEST_NAME else _distinct(shown, name)


def _distinct(shown: str, name: str) -> str:
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{shown[: _LONGEST_NAME - 9]}_{mark}"


def _tool(
    server: str,
    name: str,
    shown: str,
    tool: Definition,
    *,
    surface: Surface,
    settings: McpServerSettings,
) -> RemoteTool:
    hints = _hints(tool)
    read_only = hints.read_only is True
    repeatable = read_only or _mapping(tool.get("annotations")).get("idempotentHint") is True
    parameters = cast("dict[str, Any]", tool.get("inputSchema"))
    version = _VERSION.match(surface.version)
    spec = ToolSpec(
        name=shown,
        description=str(tool.get("description") or "")[:_LONGEST_DESCRIPTION],
        parameters={"type": "object", "properties": {}, **parameters},
        version=version[0] if version else None,
        annotations=hints,
        strict=False,
        idempotent=repeatable,
        approval=any(fnmatchcase(name, pattern) for pattern in settings.approve),
        # The connection knows better when a call is lost: see `calling`.
        timeout=None,
        retries=1 if repeatable else 0,
    )
    output = tool.get("outputSchema")
    return RemoteTool(
        server=server,
        name=name,
        spec=spec,
        output=output if is_object(output) else None,
        closed=_is_closed(parameters),
    )


def _hints(tool: Definition) -> ToolAnnotations:
    said = _mapping(tool.get("annotations"))

    def hint(name: str) -> bool | None:
        value = said.get(name)
        return value if isinstance(value, bool) else None

    title = tool.get("title") or said.get("title")
    return ToolAnnotations(
        title=title if isinstance(title, str) else None,
        read_only=hint("readOnlyHint"),
        destructive=hint("destructiveHint"),
        open_world=hint("openWorldHint"),
    )


def _is_closed(schema: Mapping[str, Any]) -> bool:
    """Whether an argument that `schema` does not list can only be a mistake.

    JSON Schema admits it unless it says otherwise, but servers then drop it without a word.
    """
    open_words = {
        "additionalProperties", "patternProperties", "unevaluatedProperties", "propertyNames",
        "allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef", "dependentSchemas",
    }  # fmt: skip
    return bool(schema.get("properties")) and open_words.isdisjoint(schema)


def _mapping(value: object) -> dict[str, Any]:
    return value if is_object(value) else {}
