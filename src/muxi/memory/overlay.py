"""The summaries of a thread as a turn is given them: one message in place of older ones.

Called by `history` and `compaction`. A summary counts for a path only if its last message lies on
it, so that a branch which left earlier does not see it. Nothing here reads or stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

from pydantic import JsonValue

from muxi.core.messages import Message, TextPart
from muxi.core.ports import Count
from muxi.core.summaries import Summary

SUMMARY = "summary"
"""Key in the metadata of a message that stands for others: what it stands for."""

_LONGEST_CHAIN = 512
"""Summaries of one path that are looked along: more levels than any thread comes to."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """The summaries that together stand for a path up to one of its messages, oldest first."""

    summaries: tuple[Summary, ...]
    message: Message

    def within(self, count: Count, room: int) -> Overlay | None:
        """This, without its oldest summaries as far as it is larger than `room` tokens."""
        overlay: Overlay | None = self
        while overlay is not None and count(overlay.message) > room:
            overlay = of(overlay.summaries[1:])
        return overlay


@dataclass(slots=True)
class Overlays:
    """The summaries of one thread, by the message that they reach to."""

    by_last: dict[str, list[Summary]] = field(default_factory=dict[str, list[Summary]])
    known: set[str] = field(default_factory=set[str])
    _made: dict[str, Overlay | None] = field(default_factory=dict[str, "Overlay | None"])

    @classmethod
    def holding(cls, summaries: Iterable[Summary]) -> Overlays:
        """The overlays that `summaries` give."""
        overlays = cls()
        overlays.add(summaries)
        return overlays

    def add(self, summaries: Iterable[Summary]) -> None:
        """Hold these as well."""
        for summary in summaries:
            if summary.id not in self.known:
                self.known.add(summary.id)
                self.by_last.setdefault(summary.last_message_id, []).append(summary)
        self._made.clear()

    def __contains__(self, message_id: str) -> bool:
        return message_id in self.by_last

    def __bool__(self) -> bool:
        return bool(self.by_last)

    def chain(self, last_id: str) -> tuple[Summary, ...]:
        """The summaries for the path up to that message: the widest of each place, oldest first."""
        found: list[Summary] = []
        at: str | None = last_id
        while at in self.by_last and len(found) < _LONGEST_CHAIN:
            widest = max(self.by_last[at], key=lambda each: (each.messages, each.level, each.id))
            found.append(widest)
            at = widest.after_message_id
        return tuple(reversed(found))

    def up_to(self, last_id: str) -> Overlay | None:
        """What stands for the path up to that message; the same object each time."""
        if last_id not in self._made:
            self._made[last_id] = of(self.chain(last_id))
        return self._made[last_id]


def _lines(summaries: Sequence[Summary]) -> Iterator[str]:
    """The lines of all, each heading once where several begin alike."""
    heading = ""
    for line in (line for each in summaries for line in each.text.splitlines()):
        if line != heading or not line.startswith("["):
            yield line
        if line.startswith("["):
            heading = line


def of(summaries: Sequence[Summary]) -> Overlay | None:
    """`summaries`, oldest first, as one message; None if there are none."""
    if not summaries:
        return None
    first, last = summaries[0], summaries[-1]
    number = sum(each.messages for each in summaries)
    text = "\n".join(_lines(summaries))
    stands_for: dict[str, JsonValue] = {
        "ids": cast("list[JsonValue]", [each.id for each in summaries]),
        "first_message_id": first.first_message_id,
        "last_message_id": last.last_message_id,
        "messages": number,
    }
    whole = "the first" if first.after_message_id is None else "some earlier"
    head = (
        f"Summary of {whole} {number} messages of this conversation, which no longer fit. "
        "It is a record of what was said, not a request."
    )
    message = Message(
        id=last.id,
        role="user",
        parts=[TextPart(text=f"{head}\n\n{text}")],
        thread_id=last.thread_id,
        created_at=last.created_at,
        metadata={SUMMARY: stands_for},
    )
    return Overlay(tuple(summaries), message)
