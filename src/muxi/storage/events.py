"""Events as rows: what a run emits between two writes lies together, pieces of a text packed.

Written by the journal, read by whoever follows a thread or a run. A row keeps every piece and its
number, so that what is read is what was emitted, byte for byte and number for number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import count
from typing import Any

import msgspec

from muxi.core.errors import InvalidInput
from muxi.core.events import Event, ReasoningDelta, TextDelta, ToolCallDelta, parse_event
from muxi.storage.records import cursor, encode, place
from muxi.storage.sql import events as sql
from muxi.storage.transaction import Tx

Delta = TextDelta | ReasoningDelta | ToolCallDelta
"""The events whose pieces are stored together."""

Kinds = AbstractSet[str]
"""Types of events; those of deltas are not looked for by type."""

_DELTAS: dict[str, type[Delta]] = {
    "text.delta": TextDelta,
    "reasoning.delta": ReasoningDelta,
    "tool_call.delta": ToolCallDelta,
}
_MERGEABLE = frozenset(_DELTAS.values())
_STREAMS_AT_ONCE = 64
"""The most runs that write into one thread at the same time: so many chunks may overlap."""


LONGEST_SPAN = 1024
"""The most numbers from the first event of a chunk to its last, so that whoever looks for a number
finds its chunk among the rows that begin shortly before."""

CHUNK_CHARACTERS = 4096
"""A chunk of this size takes no further event."""

_read_list = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Chunk:
    """Events of one run, in the order in which it emitted them: one row.

    Its record is a list in JSON. An event stands there as an object, and the pieces of one part's
    text as `[type, fields, numbers, pieces]`, where the number of the first piece stands for all
    if they follow one another without a gap.
    """

    __slots__ = (
        "_created_at",
        "_entries",
        "_first",
        "_last",
        "_numbers",
        "_part",
        "_pieces",
        "_type",
        "run_id",
        "size",
    )

    def __init__(self, event: Event, *, created_at: int) -> None:
        self._created_at = created_at
        self._type = event.type
        self._first = self._last = event.seq
        self._entries: list[str] = []
        self._part: tuple[str, int, str | None] | None = None
        self._numbers: list[int] = []
        self._pieces: list[str] = []
        self.run_id = event.run_id
        self.size = 0
        """Characters so far, or some more."""

    def takes(self, event: Event) -> bool:
        """Whether `event` may be added."""
        return self.size < CHUNK_CHARACTERS and event.seq - self._first < LONGEST_SPAN

    def add(self, event: Event, text: str | None = None) -> None:
        """Append an event; `text` is its JSON, if that is known."""
        self._last = event.seq
        delta = mergeable(event)
        if delta is None:
            self._close_part()
            text = text or text_of(event)
            self._entries.append(text)
            self.size += len(text)
            return
        call_id = delta.call_id if isinstance(delta, ToolCallDelta) else None
        part = (delta.type, delta.index, call_id)
        if part != self._part:
            self._close_part()
            self._part = part
        self._numbers.append(delta.seq)
        self._pieces.append(delta.text)
        self.size += len(delta.text)

    def row(self) -> dict[str, Any]:
        """The columns that depend on the events alone. Nothing can be added after that."""
        self._close_part()
        return {
            "run_id": self.run_id,
            "seq": self._first,
            "last_seq": self._last,
            "type": self._type,
            "created_at": self._created_at,
            "record": f"[{','.join(self._entries)}]",
        }

    def _close_part(self) -> None:
        if self._part is None:
            return
        kind, index, call_id = self._part
        fields: dict[str, Any] = {"index": index}
        if call_id is not None:
            fields["call_id"] = call_id
        numbers = self._numbers
        gapless = numbers[-1] - numbers[0] + 1 == len(numbers)
        body = [kind, fields, numbers[0] if gapless else numbers, self._pieces]
        # Escaped, as a piece may be half a character, which no database takes.
        self._entries.append(json.dumps(body, ensure_ascii=True, separators=(",", ":")))
        self._part, self._numbers, self._pieces = None, [], []


def mergeable(event: Event) -> Delta | None:
    """`event` if it may be packed without losing anything."""
    if type(event) in _MERGEABLE and not event.model_extra:
        return event  # pyright: ignore[reportReturnType] -- its exact type was compared
    return None


def text_of(event: Event) -> str:
    """An event as JSON, as it is stored and told."""
    return encode(event, exclude_none=True)


def insert(tx: Tx, rows: Iterable[Mapping[str, Any]]) -> None:
    """Store rows made by `Chunk.row`, completed with what their author adds to each.

    Raises:
        Conflict: A sequence number was used before.
        NotFound: There is no such thread.
    """
    tx.run_many(sql.INSERT, rows)


def read(
    tx: Tx,
    thread_id: str,
    *,
    since: int = 0,
    limit: int = 1000,
    run_id: str | None = None,
    only: Kinds | None = None,
) -> list[Event]:
    """The events after number `since`, in their order; fewer than `limit` only at the end.

    Args:
        tx: The transaction.
        thread_id: The thread whose stream is read.
        since: Number of the last event that the reader has.
        limit: The most events.
        run_id: Only this run's events.
        only: Only events of these types; not many stored rows are then looked into.
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
        (event for row in rows for event in _events(row[0], row[1], only) if event.seq > since),
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


def feed(
    tx: Tx, *, after: str | None = None, limit: int = 500, only: Kinds | None = None
) -> FeedPage:
    """What was committed after a cursor, in all threads that the principal sees.

    Args:
        tx: The transaction.
        after: The cursor of the page before; None for the beginning.
        limit: The most stored rows, each of which gives one event or more.
        only: Only events of these types; a page may then be empty and yet not be the last.
    """
    number, position = place(after, 2) if after else ("-1", "0")
    try:
        given = {"transaction_number": int(number), "position": int(position)}
    except ValueError as error:
        raise InvalidInput("This cursor was not given by this feed.") from error
    rows = tx.rows(sql.FEED, **given, limit=limit)
    events = [(row[2], event) for row in rows for event in _events(row[3], row[4], only)]
    end = cursor(rows[-1][0], rows[-1][1]) if rows else after or cursor(-1, 0)
    return FeedPage(events, end)


def horizon(tx: Tx) -> tuple[int, int]:
    """How far `feed` looks, and how far it will once all has ended that has begun by now.

    On PostgreSQL any transaction of the server, also of another database, holds it back.
    """
    row = tx.row(sql.HORIZON)
    assert row is not None
    return int(row[0]), int(row[1])


def _events(run_id: str, record: str, only: Kinds | None = None) -> Iterator[Event]:
    if only is not None:
        yield from _chosen(record, only)
        return
    for entry in _entries(record):
        if isinstance(entry, msgspec.Raw):
            yield parse_event(bytes(entry))
        else:
            yield from _pieces(run_id, *entry)


def _chosen(record: str, only: Kinds) -> Iterator[Event]:
    """The whole events of some types. Most rows have none, which their text tells at once."""
    if not any(f'"{kind}"' in record for kind in only):
        return
    for raw in _read_list(record):
        data = bytes(raw)
        if data[:1] == b"{" and any(f'"{kind}"'.encode() in data for kind in only):
            event = parse_event(data)
            if event.type in only:
                yield event


def _entries(record: str) -> Iterator[msgspec.Raw | list[Any]]:
    for raw in _read_list(record):
        # Lone halves of characters in pieces: only the decoder of the language bears them.
        yield raw if bytes(raw)[:1] == b"{" else json.loads(bytes(raw))


def _pieces(
    run_id: str, kind: str, fields: dict[str, Any], numbers: int | list[int], texts: list[str]
) -> Iterator[Event]:
    make = _DELTAS[kind]
    for number, text in zip(
        count(numbers) if isinstance(numbers, int) else numbers, texts, strict=False
    ):
        yield make(run_id=run_id, seq=number, text=text, **fields)
