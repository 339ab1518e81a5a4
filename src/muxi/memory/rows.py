"""Memories as passages and back. Used by everything in this room that stores or finds memories."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final

from muxi.core.memories import Memory
from muxi.storage.passages import PassageRow
from muxi.storage.records import instant, micros

MEMORY: Final = "memory"
"""The corpus of turns and notes."""
CONTEXT: Final = "context"
"""The kind of turns that stand in windows and are no memories."""

_IN_COLUMNS: Final = {
    *("id", "owner", "kind", "text", "speaker", "said_at", "created_at"),
    *("hash", "information", "uses", "used_at"),
}


_CONVERSATION: Final = "conversation"
"""The source of most memories. A record that names none is of a message with the memory's number,
and thread and message are told by the row itself."""


def row_of(memory: Memory, *, place: int = 0, kind: str | None = None) -> PassageRow:
    """The passage of a memory.

    Args:
        memory: What is to be stored.
        place: Its place in its thread.
        kind: In place of its own.
    """
    group = group_of(memory)
    left_out = set(_IN_COLUMNS)
    if memory.source == _CONVERSATION and memory.message_id == _message_of(memory.id):
        left_out |= {"source", "message_id"}
    if group == memory.thread_id:
        left_out.add("thread_id")
    if not memory.metadata:
        left_out.add("metadata")
    return PassageRow(
        id=memory.id,
        corpus=MEMORY,
        kind=kind or memory.kind,
        group_id=group,
        place=place,
        speaker=memory.speaker,
        said_at=None if memory.said_at is None else micros(memory.said_at),
        created_at=micros(memory.created_at),
        text=memory.text,
        hash=memory.hash,
        information=memory.information,
        uses=memory.uses,
        used_at=None if memory.used_at is None else micros(memory.used_at),
        record=memory.model_dump_json(exclude=left_out, exclude_none=True),
    )


def memory_of(row: PassageRow) -> Memory:
    """The memory of a passage."""
    columns: dict[str, object] = {
        "id": row.id,
        "owner": row.owner,
        "kind": row.kind,
        "text": row.text,
        "speaker": row.speaker,
        "said_at": None if row.said_at is None else instant(row.said_at),
        "created_at": instant(row.created_at),
        "hash": row.hash,
        "information": row.information,
        "uses": row.uses,
        "used_at": None if row.used_at is None else instant(row.used_at),
    }
    record = json.loads(row.record)
    if "source" not in record:
        columns |= {"source": _CONVERSATION, "message_id": _message_of(row.id)}
    if row.group_id != row.id:
        columns["thread_id"] = row.group_id
    return Memory.model_validate({**record, **columns})


def _message_of(id: str) -> str:
    """The message that has the same number as a memory."""
    return f"msg_{id.removeprefix('mem_')}"


def group_of(memory: Memory) -> str:
    """What a memory stands in the order of: its thread if it is a turn, or itself alone."""
    return memory.thread_id if memory.thread_id and memory.kind == "turn" else memory.id


def instant_of(row: PassageRow) -> datetime:
    """When it was said, as far as is known."""
    return instant(row.created_at if row.said_at is None else row.said_at)
