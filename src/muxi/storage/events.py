"""Events as rows: most as they are, the pieces of a streamed text together in chunks.

Written by the journal, read by whoever follows a thread or a run. A chunk keeps every piece and
its number, so that what is read is what was emitted, byte for byte and number for number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from muxi.core.errors import InvalidInput
from muxi.core.events import Event, ReasoningDelta, TextDelta, ToolCallDelta, parse_event
from muxi.storage.records import cursor, encode, place
from muxi.storage.sql import events as sql
from muxi.storage.transaction import Tx

Delta = TextDelta | ReasoningDelta | ToolCallDelta
"""The events whose pieces are stored together."""

_DELTAS: dict[str, type[Delta]] = {
    "text.delta": TextDelta,
    "reasoning.delta": ReasoningDelta,
    "tool_call.delta": ToolCallDelta,
}
_MERGEABLE = frozenset(_DELTAS.values())
_STREAMS_AT_ONCE = 64
"""The most runs that write into one thread at the same time: so many chunks may overlap."""


LONGEST_SPAN = 1024
"""The most numbers from the first piece of a chunk to its last, so that whoever looks for a number
finds its chunk among the rows that begin shortly before."""


class Chunk:
    """Pieces of one part's text, in the order in which one run emitted them."""

    __slots__ = ("_call_id", "_created_at", "_index", "_kind", "run_id", "seqs", "size", "texts")

    def __init__(self, first: Delta, *, created_at: int) -> None:
        self._created_at = created_at
        self._kind = first.type
        self._index = first.index
        self._call_id = first.call_id if isinstance(first, ToolCallDelta) else None
        self.run_id = first.run_id
        self.seqs = [first.seq]
        self.texts = [first.text]
        self.size = len(first.text)

    def takes(self, event: Delta) -> bool:
        """Whether `event` goes on where this chunk ends."""
        return (
            event.seq - self.seqs[0] < LONGEST_SPAN
            and event.type == self._kind
            and event.index == self._index
            and getattr(event, "call_id", None) == self._call_id
        )

    def add(self, event: Delta) -> None:
        """Append a piece."""
        self.seqs.append(event.seq)
        self.texts.append(event.text)
        self.size += len(event.text)

    def row(self) -> dict[str, Any]:
        """The columns that depend on the chunk alone."""
        first, last = self.seqs[0], self.seqs[-1]
        gapless = last - first + 1 == len(self.seqs)
        fields: dict[str, Any] = {"index": self._index}
        if self._call_id is not None:
            fields["call_id"] = self._call_id
        body = [fields, None if gapless else self.seqs, self.texts]
        return {
            "run_id": self.run_id,
            "seq": first,
            "last_seq": last,
            "type": self._kind,
            "created_at": self._created_at,
            "record": json.dumps(body, ensure_ascii=True, separators=(",", ":")),
        }


def mergeable(event: Event) -> Delta | None:
    """`event` if it may become part of a chunk without losing anything."""
    if type(event) in _MERGEABLE and not event.model_extra:
        return event  # pyright: ignore[reportReturnType] -- its exact type was compared
    return None


def text_of(event: Event) -> str:
    """An event as JSON, as it is stored and told."""
    return encode(event, exclude_none=True)


def row_of(event: Event, text: str, *, created_at: int) -> dict[str, Any]:
    """The columns of an event that is stored by itself, of which `text` is the JSON."""
    return {
        "created_at": created_at,
        "run_id": event.run_id,
        "seq": event.seq,
        "last_seq": event.seq,
        "type": event.type,
        "record": text,
    }


def insert(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store rows made by `row_of` and `Chunk.row`, completed with thread and run.

    Raises:
        Conflict: A sequence number was used before.
        NotFound: There is no such thread.
    """
    tx.run_many(sql.INSERT, rows)


def read(
    tx: Tx, thread_id: str, *, since: int = 0, limit: int = 1000, run_id: str | None = None
) -> list[Event]:
    """The events after number `since`, in their order; fewer than `limit` only at the end.

    Args:
        tx: The transaction.
        thread_id: The thread whose stream is read.
        since: Number of the last event that the reader has.
        limit: The most events.
        run_id: Only this run's events.
    """
    most = limit + _STREAMS_AT_ONCE
    rows = tx.rows(
        sql.READ,
        thread_id=thread_id,
        begins_after=since - LONGEST_SPAN,
        since=since,
        run_id=run_id,
        limit=most,
    )
    found = sorted(
        (event for row in rows for event in _events(*row) if event.seq > since),
        key=lambda event: event.seq,
    )
    if len(rows) == most:
        # Rows that were not read may hold events from this number on.
        complete = rows[-1][2]
        found = [event for event in found if event.seq <= complete]
    return found[:limit]


def last_seq(tx: Tx, thread_id: str) -> int:
    """The highest number that is stored in the thread; 0 if there is none."""
    row = tx.row(sql.LAST, thread_id=thread_id)
    return int(row[0]) if row is not None and row[0] is not None else 0


@dataclass(frozen=True, slots=True)
class FeedPage:
    """Events of all threads in the order in which they were committed."""

    events: list[tuple[str, Event]]
    """Thread id and event."""
    cursor: str
    """Where the next page begins; the same as before if nothing is new."""


def feed(tx: Tx, *, after: str | None = None, limit: int = 500) -> FeedPage:
    """What was committed after a cursor, in all threads that the principal sees.

    Args:
        tx: The transaction.
        after: The cursor of the page before; None for the beginning.
        limit: The most stored rows, each of which gives one event or more.
    """
    number, position = place(after, 2) if after else ("-1", "0")
    try:
        given = {"transaction_number": int(number), "position": int(position)}
    except ValueError as error:
        raise InvalidInput("This cursor was not given by this feed.") from error
    rows = tx.rows(sql.FEED, **given, limit=limit)
    events = [(row[2], event) for row in rows for event in _events(*row[3:])]
    end = cursor(rows[-1][0], rows[-1][1]) if rows else after or cursor(-1, 0)
    return FeedPage(events, end)


def _events(kind: str, run_id: str, seq: int, last_seq: int, record: str) -> Iterator[Event]:
    if record.startswith("{"):
        yield parse_event(record)
        return
    fields, seqs, texts = json.loads(record)
    make = _DELTAS[kind]
    for number, text in zip(seqs or range(seq, last_seq + 1), texts, strict=True):
        yield make(run_id=run_id, seq=number, text=text, **fields)
