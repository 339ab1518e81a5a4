from __future__ import annotations

import json
from dataclasses import replace

import pytest

from muxi.core.memories import Memory
from muxi.memory.rows import memory_of, row_of

OWNED = {"owner": "user:ann"}


def turn(**fields: object) -> Memory:
    known: dict[str, object] = {
        **OWNED,
        "id": "mem_7",
        "text": "I live in Oslo",
        "role": "user",
        "thread_id": "thr_1",
        "message_id": "msg_7",
        "run_id": "run_1",
        "agent": "helper",
    }
    return Memory.model_validate(known | fields)


@pytest.mark.parametrize(
    "memory",
    [
        turn(),
        turn(message_id=None),
        turn(message_id="msg_8"),
        turn(thread_id=None),
        turn(source="import"),
        turn(source="import", message_id=None),
        turn(metadata={"page": 3}),
        turn(kind="note", source="tool", message_id="msg_9"),
        turn(kind="note", source="api", thread_id=None, message_id=None),
    ],
)
def test_a_memory_comes_back_from_its_row_as_it_was(memory: Memory) -> None:
    row = replace(row_of(memory), owner=memory.owner)
    assert memory_of(row) == memory


def test_a_turn_repeats_nothing_that_its_row_tells() -> None:
    assert json.loads(row_of(turn()).record) == {
        "role": "user",
        "run_id": "run_1",
        "agent": "helper",
    }


def test_rows_that_say_all_of_it_are_read_too() -> None:
    memory = turn()
    record = memory.model_dump_json(include={"role", "thread_id", "message_id", "run_id", "agent"})
    whole = json.dumps({**json.loads(record), "source": "conversation", "metadata": {}})
    assert memory_of(replace(row_of(memory), owner=memory.owner, record=whole)) == memory
