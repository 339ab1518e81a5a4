"""Are the schemas of a server's tools schemas at all? Called by `connection` after each listing.

Not called when agents start from the lock: what is locked has passed here once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, cast

from pydantic import JsonValue

from muxi.mcp.surface import Definition, Surface, canonical


def usable(surface: Surface) -> tuple[Surface, dict[str, str]]:
    """The surface without the tools that no model can be offered, and what is wrong with those."""
    faults: dict[str, str] = {}
    kept: list[Definition] = []
    for tool in surface.tools:
        words = fault(tool)
        if words is None:
            kept.append(tool)
        else:
            faults[str(tool.get("name", ""))[:128]] = words
    if not faults:
        return surface, faults
    return surface.model_copy(update={"tools": tuple(kept)}), faults


def fault(tool: Mapping[str, JsonValue]) -> str | None:
    """Why a model cannot be offered this tool, in words; None if it can."""
    for key in ("inputSchema", "outputSchema"):
        schema = tool.get(key)
        if schema is None:
            continue
        if not isinstance(schema, dict):
            return f"its {key} is no object"
        if key == "inputSchema" and schema.get("type", "object") != "object":
            return "its inputSchema does not describe an object"
        words = _fault(canonical(schema))
        if words is not None:
            return f"its {key} is no valid JSON Schema: {words}"
    return None


@lru_cache(maxsize=2_048)
def _fault(text: str) -> str | None:
    from jsonschema import Draft202012Validator
    from referencing.jsonschema import DRAFT202012, EMPTY_REGISTRY

    schema = json.loads(text)
    try:
        Draft202012Validator.check_schema(schema)
        resolver = EMPTY_REGISTRY.resolver_with_root(DRAFT202012.create_resource(schema))
        for reference in _references(schema):
            # Only what lies in the schema itself is found: nothing is ever fetched.
            resolver.lookup(reference)
    except Exception as error:  # noqa: BLE001 -- foreign data, which may be wrong in any way
        first = (str(error).splitlines() or [""])[0]
        return (first or type(error).__name__)[:300]
    return None


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for each in cast("list[Any]", schema):
            yield from _references(each)
    elif isinstance(schema, dict):
        for key, value in cast("dict[str, Any]", schema).items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            elif key not in ("const", "enum", "default", "examples"):
                yield from _references(value)
