"""Says a run as AG-UI. Made by the door, for one answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from muxi.core.events import Event, Problem, RunSuspended
from muxi.wire.agui.stream import AgUiNarration, error_frame
from muxi.wire.narration import Frame, spelt

Snapshot = Callable[[], Awaitable[list[dict[str, Any]]]]
"""Reads the thread, as the front end keeps it."""


@dataclass(slots=True, kw_only=True)
class AgUiVoice:
    """Implements `Voice`."""

    narration: AgUiNarration
    run_id: str
    thread_id: str
    snapshot: Snapshot
    outset: Sequence[Frame] = field(default_factory=tuple)
    """What is told before the run, such as what the front end does not hold."""

    async def begin(self) -> bytes:
        """See `Voice`."""
        first = self.narration.begin(run_id=self.run_id, thread_id=self.thread_id)
        return spelt([first, *self.outset])

    async def say(self, events: Sequence[Event]) -> bytes:
        """See `Voice`."""
        frames: list[Frame] = []
        for event in events:
            frames.extend(self.narration.tell(event))
            if self.narration.void:
                self.narration.void = False
                frames.append(await self._messages())
        return spelt(frames)

    async def end(self) -> bytes:
        """See `Voice`. What is needed to go on is told before the run waits."""
        last = self.narration.finish()
        if isinstance(self.narration.end, RunSuspended):
            last.insert(len(last) - 1, await self._messages())
        return spelt(last)

    async def _messages(self) -> Frame:
        return {"type": "MESSAGES_SNAPSHOT", "messages": await self.snapshot()}


def said_problem(problem: Problem) -> bytes:
    """A run that ends before it has begun."""
    return spelt([error_frame(problem)])
