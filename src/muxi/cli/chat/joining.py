"""What is new in a run that began before one came to look. Used by the conversation.

A thread that is opened shows its messages; the run that still works in it then tells its events
from the beginning. Those that led to messages on the screen, and the unfinished text of attempts
that were interrupted, are left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from muxi.core.events import (
    AttemptStarted,
    Event,
    MessageCompleted,
    MessageStarted,
    ReasoningDelta,
    TextDelta,
    ToolCallDelta,
    ToolCallStarted,
    ToolCompleted,
    ToolStarted,
)
from muxi.core.messages import Message, ToolResultPart

_OF_A_MESSAGE = (TextDelta, ReasoningDelta, ToolCallStarted, ToolCallDelta)


class News:
    """Says of each event of a run, in order, whether it is news.

    Args:
        seen: Messages that are on the screen.
        attempt: The attempt that the run is in.
    """

    def __init__(self, seen: Sequence[Message], attempt: int) -> None:
        self._messages = {message.id for message in seen}
        self._calls = {
            part.call_id
            for message in seen
            for part in message.parts
            if isinstance(part, ToolResultPart)
        }
        self._last_attempt = attempt
        self._attempt = 1
        self._known = False
        """Whether the message that is being told is on the screen."""

    def tells(self, event: Event) -> bool:
        """Whether `event` is to be shown."""
        if isinstance(event, AttemptStarted):
            self._attempt = event.attempt
            # Where nothing unfinished was shown, there is nothing to take back.
            return event.attempt > self._last_attempt
        if isinstance(event, MessageStarted):
            self._known = event.message_id in self._messages
            return not self._known
        if isinstance(event, MessageCompleted):
            return event.message.id not in self._messages
        if isinstance(event, ToolStarted):
            return event.call_id not in self._calls
        if isinstance(event, ToolCompleted):
            return event.result.call_id not in self._calls
        if isinstance(event, _OF_A_MESSAGE):
            return not self._known and self._attempt >= self._last_attempt
        return True
