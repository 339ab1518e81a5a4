"""What a reader of a stream holds, by the rules that the documentation gives to readers.

Shared by all readers of a test is what they have seen under each number of each thread: two who
saw different things under one number have found a number that was given twice.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from muxi.core.events import (
    AttemptStarted,
    Event,
    Gap,
    MessageCompleted,
    MessageStarted,
    RunCompleted,
    RunSuspended,
    TextDelta,
)
from muxi.core.messages import Message

PASSING = frozenset(
    {
        "run.started",
        "attempt.started",
        "memory.recalled",
        "knowledge.recalled",
        "history.compacted",
        "message.started",
        "text.delta",
        "reasoning.delta",
        "tool_call.started",
        "tool_call.delta",
        "model.retried",
        "tool.started",
        "tool.progress",
        "approval.resolved",
    }
)
"""Events that may be seen before they are stored, and are void if a crash comes in between."""


@dataclass
class Seen:
    """Everything that any reader was shown, and what was wrong with it."""

    events: dict[tuple[str, int], Event] = field(default_factory=dict[tuple[str, int], Event])
    faults: list[str] = field(default_factory=list[str])
    shown: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    async def more(self) -> None:
        """Return once somebody has seen something."""
        self._more.clear()
        await self._more.wait()

    def add(self, thread_id: str, event: Event) -> None:
        self.shown += 1
        self._more.set()
        known = self.events.setdefault((thread_id, event.seq), event)
        if known is not event and known != event:
            self.faults.append(f"{thread_id} gave {event.seq} twice: {known!r} and {event!r}")


@dataclass
class Held:
    """One reader: feed it events, in the order in which they came."""

    thread_id: str
    seen: Seen
    last: int = 0
    """Number of the last event, with which the reader comes back."""
    messages: dict[str, Message] = field(default_factory=dict[str, Message])
    """Completed messages by id."""
    ends: dict[str, RunCompleted | RunSuspended] = field(
        default_factory=dict[str, RunCompleted | RunSuspended]
    )
    """How each run stands, by run id."""
    _open: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    _text: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def take(self, event: Event) -> None:
        """One event more."""
        self.seen.add(self.thread_id, event)
        if isinstance(event, Gap):
            self._fault(f"was given a gap after {event.from_seq}")
            return
        if event.seq <= self.last:
            self._fault(f"got {event.seq} after {self.last}")
        self.last = event.seq
        before = self.ends.get(event.run_id)
        if isinstance(before, RunCompleted):
            self._fault(f"got {event.type} after the end of {event.run_id}")
        if isinstance(event, MessageStarted):
            self._open[event.run_id] = event.message_id, event.seq
            self._text[event.message_id] = []
        elif isinstance(event, TextDelta):
            self._text[self._open[event.run_id][0]].append(event.text)
        elif isinstance(event, AttemptStarted):
            self._forget(event.run_id, event.replaces_from)
        elif isinstance(event, MessageCompleted):
            self._complete(event)
        elif isinstance(event, RunCompleted | RunSuspended):
            self._end(event)

    def of_run(self, run_id: str) -> list[Message]:
        """The messages of one run that this reader holds."""
        return [message for message in self.messages.values() if message.run_id == run_id]

    def _forget(self, run_id: str, after: int) -> None:
        """A crash: text after that number that belongs to no completed message is void."""
        open_id, began = self._open.get(run_id, ("", 0))
        if began > after:
            del self._open[run_id], self._text[open_id]
        elif open_id:
            self._fault(f"kept unfinished text of {run_id} after a new attempt")

    def _complete(self, event: MessageCompleted) -> None:
        message = event.message
        if message.id in self.messages:
            self._fault(f"got message {message.id} twice")
        self.messages[message.id] = message
        text = self._text.pop(message.id, None)
        if text is not None:
            del self._open[event.run_id]
            if "".join(text) != message.text:
                self._fault(f"read {''.join(text)!r} of what is {message.text!r}")

    def _end(self, event: RunCompleted | RunSuspended) -> None:
        self.ends[event.run_id] = event
        open_id, _ = self._open.pop(event.run_id, ("", 0))
        # An answer that broke off before its first word is no message.
        if self._text.pop(open_id, []):
            self._fault(f"holds unfinished text after the end of {event.run_id}")

    def _fault(self, words: str) -> None:
        self.seen.faults.append(f"a reader of {self.thread_id} {words}")
