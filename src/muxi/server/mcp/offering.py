"""How a tool of muxi is written down: strict arguments, a title, annotations, a result's schema.

Used by the files of what muxi offers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import mcp_types as types

from muxi.runtime.principal import owner_for
from muxi.server.mcp.call import Call
from muxi.server.mcp.surface import Need, ServedTool

Schema = dict[str, Any]
Run = Callable[[dict[str, Any], Call], Awaitable[types.CallToolResult]]


def offered(
    name: str,
    title: str,
    description: str,
    *,
    takes: Mapping[str, Schema],
    gives: Mapping[str, Schema],
    annotations: types.ToolAnnotations,
    run: Run,
    needs: Callable[[Call], Sequence[Need]],
    optional: frozenset[str] | set[str] = frozenset(),
    definitions: Mapping[str, Any] = MappingProxyType({}),
) -> ServedTool:
    """A tool whose arguments and result are objects.

    Args:
        name: The name that a model uses.
        title: The name that people see.
        description: What it does, for a model.
        takes: Its arguments.
        gives: What its result holds.
        annotations: What a call does to the world.
        run: Does it.
        needs: What its caller must be allowed to do.
        optional: Arguments and members of the result that may be missing.
        definitions: What the result's schema refers to, put at its root.
    """
    shown = types.Tool(
        name=name,
        title=title,
        description=description,
        input_schema=closed(takes, optional),
        output_schema={**closed(gives, optional), **definitions},
        annotations=annotations.model_copy(update={"title": title}),
    )
    return ServedTool(shown, run, needs)


def closed(properties: Mapping[str, Schema], optional: frozenset[str] | set[str]) -> Schema:
    """The schema of an object that has these members and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def text(description: str, **further: Any) -> Schema:
    """The schema of a text."""
    return {"type": "string", "description": description, **further}


def given(words: str, members: dict[str, Any]) -> types.CallToolResult:
    """A result, in words for clients that hand a model nothing else, and as data."""
    return types.CallToolResult(content=[types.TextContent(text=words)], structured_content=members)


READS = types.ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Changes nothing, and looks at nothing outside of the project."""
ADDS = types.ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Adds to what is there; to do so twice changes no more than once."""
REMOVES = types.ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=True, open_world_hint=False
)
"""May destroy what is there."""


def upon_own(*actions: str) -> Callable[[Call], Sequence[Need]]:
    """These actions, upon the memory of whoever asks."""
    return lambda call: [(action, owner_for(call.who)) for action in actions]


def simply(*actions: str) -> Callable[[Call], Sequence[Need]]:
    """These actions, whatever they are done upon."""
    return lambda _: [(action, None) for action in actions]


def upon(resource: str, *actions: str) -> Callable[[Call], Sequence[Need]]:
    """These actions, upon `resource`."""
    return lambda _: [(action, resource) for action in actions]
