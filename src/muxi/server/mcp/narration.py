"""How a run goes, told to a client as progress. Used by `agents`.

The pieces of the answer, put together, are its text so far; what the agent does in between stands
in brackets, in a report of its own.
"""

from __future__ import annotations

import asyncio
from typing import Final, Self

from muxi.core.events import (
    ApprovalRequested,
    Event,
    ModelRetried,
    TextDelta,
    ToolProgress,
    ToolStarted,
)
from muxi.server.mcp.call import Call

_PAUSE: Final = 0.1
"""Seconds between two reports of text: a client has better things to do than to read each token."""


class Narration:
    """Tells one client of one run, while the block runs."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._reports = 0
        self._text = ""
        self._sending = asyncio.Lock()
        self._soon: asyncio.Task[None] | None = None
        """Tells what was held back, once it has waited long enough."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *failure: object) -> None:
        if self._soon is not None:
            self._soon.cancel()

    async def hear(self, event: Event) -> None:
        """Tell of an event, if a client would want to know."""
        if isinstance(event, TextDelta):
            self._text += event.text
            if self._soon is None:
                self._soon = asyncio.create_task(self._later())
            return
        words = _words(event)
        if words is not None:
            await self.finish()
            await self._report(f"[{words}]")
            await self._call.log("info", words)

    async def finish(self) -> None:
        """Tell what was held back."""
        async with self._sending:
            if self._text:
                text, self._text = self._text, ""
                await self._report(text)

    async def _later(self) -> None:
        # The first words come at once, and whatever comes while they are told goes together.
        while self._text:
            await self.finish()
            await asyncio.sleep(_PAUSE)
        self._soon = None

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
