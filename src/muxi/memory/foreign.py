"""Reads what other programs export of their memories. Called by `transfer`. Pure.

mem0: what its `get_all` and its export give, objects with `memory`, `created_at` and `metadata`, in
a list, under `results`, or one a line. Letta: agent files (`.af`), whose blocks become notes and
whose messages become turns; both the present form (`agents`, `blocks`) and the first one
(`core_memory`, `messages`). Sources: docs.mem0.ai, github.com/letta-ai/agent-file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, cast

from muxi.core.errors import InvalidInput
from muxi.core.json_shapes import is_object
from muxi.core.memories import Memory
from muxi.core.spans import zoned

Taken = Memory | str
"""A memory, or in words why something could not be taken."""

_SPOKEN = {"user": "user", "assistant": "assistant"}


def from_mem0(text: str, owner: str) -> Iterator[Taken]:
    """The memories of an export of mem0. Raises `InvalidInput` if it is none."""
    for number, entry in enumerate(_entries(text), 1):
        said = entry.get("memory", entry.get("data"))
        if not isinstance(said, str) or not said.strip():
            yield f"entry {number}: it has no text under `memory`."
            continue
        metadata: dict[str, Any] = {"mem0_id": entry.get("id")}
        for name in ("metadata", "categories", "agent_id", "run_id", "actor_id"):
            if entry.get(name):
                metadata[name] = entry[name]
        yield Memory(
            id=_id(owner, "mem0", str(entry.get("id") or said)),
            owner=owner,
            kind="note",
            text=said,
            role=_SPOKEN.get(str(entry.get("role"))),
            said_at=_instant(entry.get("created_at")),
            source="import",
            metadata=metadata,
        )


def from_letta(text: str, owner: str) -> Iterator[Taken]:
    """The memories in an agent file of Letta. Raises `InvalidInput` if it is none."""
    try:
        file = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"This is no agent file: {error}.") from None
    if not isinstance(file, dict):
        raise InvalidInput("This is no agent file: it is no JSON object.")
    file = cast("dict[str, Any]", file)
    agents = _dicts(file.get("agents")) or ([file] if "messages" in file else [])
    blocks = _dicts(file.get("blocks"))
    if not agents and not blocks:
        raise InvalidInput("This is no agent file: it has neither `agents` nor `messages`.")
    for agent in agents:
        blocks += [*_dicts(agent.get("memory_blocks")), *_dicts(agent.get("core_memory"))]
    yield from _notes(blocks, owner)
    for agent in agents:
        yield from _turns(agent, owner)


def _notes(blocks: list[dict[str, Any]], owner: str) -> Iterator[Taken]:
    for number, block in enumerate(blocks, 1):
        value, label = block.get("value"), str(block.get("label") or "")
        if not isinstance(value, str) or not value.strip():
            yield f"block {number}: it is empty."
            continue
        yield Memory(
            id=_id(owner, "letta", f"{label}\n{value}"),
            owner=owner,
            kind="note",
            text=value.strip(),
            said_at=_instant(block.get("updated_at") or block.get("created_at")),
            source="import",
            metadata={"letta_block": label},
        )


def _turns(agent: dict[str, Any], owner: str) -> Iterator[Taken]:
    name = str(agent.get("name") or "agent")
    # Messages are numbered within a file only, so their text is part of what they are known by.
    group = _id(owner, "letta", f"{name}\n{agent.get('id')}").replace("mem_", "letta_")
    for number, message in enumerate(_dicts(agent.get("messages")), 1):
        spoken = _spoken(message)
        if spoken is None:
            continue
        role, said = spoken
        if not said.strip():
            yield f"message {number} of {name}: it has no text."
            continue
        at = message.get("created_at")
        yield Memory(
            id=_id(owner, "letta", f"{group}\n{message.get('id')}\n{at}\n{said}"),
            owner=owner,
            text=said,
            speaker=name if role == "assistant" else owner.partition(":")[2] or None,
            role=role,
            said_at=_instant(at),
            thread_id=group,
            agent=name,
            source="import",
        )


def _spoken(message: dict[str, Any]) -> tuple[str, str] | None:
    """Who said what; None for what nobody said: instructions, tools, heartbeats."""
    role = _SPOKEN.get(str(message.get("role")))
    if role is None:
        return None
    content = message.get("content", message.get("text"))
    text = content if isinstance(content, str) else ""
    if isinstance(content, list):
        parts = _dicts(cast("list[Any]", content))
        texts = [str(part.get("text") or "") for part in parts if part.get("type") == "text"]
        text = "\n".join(filter(None, texts))
    if role == "user":
        return _unwrapped(text)
    # Earlier agents speak by a tool, and what they write beside it are thoughts.
    sent = [*_sent(message)]
    if sent or _dicts(message.get("tool_calls")):
        return (role, "\n".join(sent)) if sent else None
    return role, text


def _unwrapped(text: str) -> tuple[str, str] | None:
    """A user's words, which Letta wraps in JSON; None for what its server sends in that role."""
    if not text.lstrip().startswith("{"):
        return "user", text
    try:
        envelope = json.loads(text)
    except ValueError:
        return "user", text
    if not isinstance(envelope, dict):
        return "user", text
    envelope = cast("dict[str, Any]", envelope)
    kind, inner = envelope.get("type"), envelope.get("message")
    if kind is None or not isinstance(inner, str):
        return "user", text
    return ("user", inner) if kind == "user_message" else None


def _sent(message: dict[str, Any]) -> Iterator[str]:
    for call in _dicts(message.get("tool_calls")):
        function = call.get("function")
        if not isinstance(function, dict):
            continue
        function = cast("dict[str, Any]", function)
        if function.get("name") != "send_message":
            continue
        try:
            arguments = json.loads(str(function.get("arguments")))
        except ValueError:
            continue
        said = arguments if is_object(arguments) else {}
        if isinstance(said.get("message"), str):
            yield said["message"]


def _entries(text: str) -> list[dict[str, Any]]:
    try:
        read = json.loads(text)
    except ValueError:
        try:
            read = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise InvalidInput(f"This is no export of mem0: {error}.") from None
    if isinstance(read, dict):
        whole = cast("dict[str, Any]", read)
        read = whole.get("results", whole.get("memories", [whole] if "memory" in whole else None))
    if not isinstance(read, list) or not text.strip():
        raise InvalidInput("This is no export of mem0: it has no list of memories.")
    return _dicts(cast("list[Any]", read))


def _dicts(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        return []
    items = cast("list[Any]", value)
    return [each for each in items if is_object(each)]


def _id(owner: str, program: str, known_by: str) -> str:
    """The same id each time the same thing is taken in, so that it is taken in once."""
    named = "\0".join((owner, program, known_by)).encode("utf-8", "replace")
    return f"mem_{hashlib.sha256(named).hexdigest()[:32]}"


def _instant(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return zoned(datetime.fromisoformat(value.replace("Z", "+00:00")))[0]
    except (ValueError, OverflowError):
        return None
