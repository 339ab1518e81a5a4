"""The state that an agent shares with a front end: what its calls make of it. Used by the door."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import JsonValue

from muxi.core.messages import Message, ToolResultPart
from muxi.core.terms import UPDATE_STATE

State = dict[str, JsonValue]


def changed(state: State, arguments: Mapping[str, Any]) -> State:
    """The state after a call of the agent: a JSON Merge Patch (RFC 7396)."""
    changes: Any = arguments.get("changes")
    return _merged(state, changes) if isinstance(changes, dict) else state  # pyright: ignore[reportUnknownArgumentType] -- JSON of any shape


def state_after(state: State, messages: Iterable[Message]) -> State:
    """The state after what an agent has said: each of its calls counts once it has gone well."""
    calls: dict[str, Mapping[str, Any]] = {}
    for message in messages:
        calls.update({c.id: c.arguments for c in message.tool_calls if c.name == UPDATE_STATE})
        for part in message.parts:
            if isinstance(part, ToolResultPart) and part.outcome == "ok" and part.call_id in calls:
                state = changed(state, calls[part.call_id])
    return state


def delta(before: State, after: State) -> list[dict[str, Any]]:
    """What differs, as a JSON Patch (RFC 6902)."""
    return list(_delta(before, after, ""))


def _merged(state: State, changes: Mapping[str, Any]) -> State:
    merged = dict(state)
    for name, value in changes.items():
        known = merged.get(name)
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            merged[name] = _merged(known if isinstance(known, dict) else {}, value)  # pyright: ignore[reportUnknownArgumentType] -- JSON of any shape
        else:
            merged[name] = value
    return merged


def _delta(before: State, after: State, path: str) -> Iterator[dict[str, Any]]:
    for name in before.keys() - after.keys():
        yield {"op": "remove", "path": f"{path}/{_escaped(name)}"}
    for name, value in after.items():
        place, known = f"{path}/{_escaped(name)}", before.get(name)
        if name not in before:
            yield {"op": "add", "path": place, "value": value}
        elif isinstance(known, dict) and isinstance(value, dict):
            yield from _delta(known, value, place)
        elif known != value or type(known) is not type(value):
            yield {"op": "replace", "path": place, "value": value}


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
