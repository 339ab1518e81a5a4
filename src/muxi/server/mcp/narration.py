"""How a run goes, told to a client as progress. Used by `agents`.

The pieces of the answer, put together, are its text so far; what the agent does in between stands
in brackets, in a report of its own.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Final

from muxi.core.events import (
    ApprovalRequested,
    Event,
    ModelRetried,
    TextDelta,
    ToolProgress,
    ToolStarted,
    parse_event,
)
from muxi.runtime.feed import Feed
from muxi.server.mcp.call import Call

_PAUSE: Final = 0.1
"""Seconds between two reports of text: a client has better things to do than to read each token."""


async def events_of(feed: Feed) -> AsyncGenerator[Event]:
    """The events of a feed, to its end."""
    try:
        while (frames := await feed.next()) is not None:
            for line in frames.split(b"\n"):
                if line.startswith(b"data: "):
                    yield parse_event(line[6:])
    finally:
        feed.close()


class Narration:
    """Tells one client of one run."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._reports = 0
        self._text = ""
        self._told = 0.0

    async def hear(self, event: Event) -> None:
        """Tell of an event, if a client would want to know."""
        if isinstance(event, TextDelta):
            self._text += event.text
            if time.monotonic() - self._told >= _PAUSE:
                await self.finish()
            return
        words = _words(event)
        if words is not None:
            await self.finish()
            await self._report(f"[{words}]")
            await self._call.log("info", words)

    async def finish(self) -> None:
        """Tell what was held back."""
        if self._text:
            text, self._text = self._text, ""
            self._told = time.monotonic()
            await self._report(text)

    async def _report(self, message: str) -> None:
        self._reports += 1
        await self._call.progress(self._reports, message=message)


def _words(event: Event) -> str | None:
    if isinstance(event, ToolStarted):
        return f"calls {event.name}"
    if isinstance(event, ToolProgress):
        return f"{event.name}: {event.message}" if event.message else None
    if isinstance(event, ModelRetried):
        return f"asks {event.model} again: {event.problem.message}"
    if isinstance(event, ApprovalRequested):
        return f"asks a person about {event.approval.tool}"
    return None
