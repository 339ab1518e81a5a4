"""Takes out of stored events what need not or must not be kept, and says so with a `gap`.

Called by `erasing` and by retention. What is left keeps its numbers. Where something went, one
`gap` stands for it: a reader is to read the thread, whose messages hold every finished text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from muxi.core.events import Gap
from muxi.storage.events import text_of
from muxi.storage.records import listed
from muxi.storage.sql import erasing as sql
from muxi.storage.transaction import Tx

Keep = Callable[[dict[str, Any]], dict[str, Any] | None]
"""An event as it is kept; None to let it go."""

_BARE = frozenset({"run.started", "attempt.started", "run.suspended", "run.completed", "gap"})
_CONTENT = ("text", "output", "approvals", "problem")


def whole_events(event: dict[str, Any]) -> dict[str, Any]:
    """Every event that is no piece of a text: the message at the end holds the whole of it."""
    return event


def bare_events(event: dict[str, Any]) -> dict[str, Any] | None:
    """Only that a run began and ended, without a word of what was said in it."""
    if event.get("type") not in _BARE:
        return None
    bare = {name: value for name, value in event.items() if name not in _CONTENT}
    if event["type"] == "run.suspended":
        bare["approvals"] = []
    return bare


def thin(tx: Tx, thread_id: str, run_ids: Iterable[str], keep: Keep, *, first: int = 0) -> int:
    """Let the pieces of texts of runs go, and what `keep` does not keep; return the rows touched.

    To do it again changes nothing.

    Args:
        tx: The transaction.
        thread_id: The thread of all these runs.
        run_ids: The runs.
        keep: `whole_events` or `bare_events`.
        first: Place in the thread's stream from which on their events are to be found.
    """
    ids = listed(tx.dialect, run_ids)
    rows = tx.rows(sql.EVENTS_OF_RUNS, thread_id=thread_id, run_ids=ids, first=first)
    told: set[str] = set()
    emptied: list[int] = []
    touched = 0
    for run_id, position, record in rows:
        kept, gone = _kept(record, keep)
        if any(entry.get("type") == "gap" for entry in kept):
            told.add(run_id)
        if gone is not None and run_id not in told:
            gap = Gap(run_id=run_id, seq=gone, from_seq=gone - 1, thread_id=thread_id)
            kept.append(json.loads(text_of(gap)))
            kept.sort(key=lambda entry: entry["seq"])
            told.add(run_id)
        if not kept:
            emptied.append(position)
        elif gone is not None or keep is bare_events:
            tx.run(sql.SET_EVENTS, position=position, record=_text(kept), type=_type(kept))
        touched += gone is not None
    if emptied:
        tx.run(sql.DROP_EVENTS, positions=listed(tx.dialect, emptied))
    return touched


def _kept(record: str, keep: Keep) -> tuple[list[dict[str, Any]], int | None]:
    """The events that stay, and the number of the first that goes; None if none does."""
    kept: list[dict[str, Any]] = []
    gone: int | None = None
    entries: list[dict[str, Any] | list[Any]] = json.loads(record)
    for entry in entries:
        event = keep(entry) if isinstance(entry, dict) else None
        if event is not None:
            kept.append(event)
        elif gone is None:
            gone = _first_number(entry)
    return kept, gone


def _first_number(entry: dict[str, Any] | list[Any]) -> int:
    if isinstance(entry, dict):
        return int(entry["seq"])
    numbers: int | list[int] = entry[2]
    return numbers if isinstance(numbers, int) else numbers[0]


def _text(events: list[dict[str, Any]]) -> str:
    return json.dumps(events, ensure_ascii=False, separators=(",", ":"))


def _type(events: list[dict[str, Any]]) -> str:
    return str(events[0]["type"])
