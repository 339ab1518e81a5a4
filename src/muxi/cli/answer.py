"""The text of an answer, taken from the events of its run. Used by `run` and by the chat.

Most of it arrives as deltas. What a reader still lacks when a message is complete, or when the run
ends, is given then, so that the printed text is the stored one.
"""

from __future__ import annotations

from typing import NamedTuple

from muxi.core.events import (
    AttemptStarted,
    Event,
    MessageCompleted,
    MessageStarted,
    RunCompleted,
    TextDelta,
)


class Piece(NamedTuple):
    """A piece to print. `replaces` when what was printed of this message is void."""

    text: str
    replaces: bool = False


_NOTHING = Piece("")


class AnswerText:
    """Turns the events of one run, in order, into the pieces of text to print."""

    def __init__(self) -> None:
        self._shown = ""
        """What was printed of the message that is being written."""
        self._whole = False
        """Whether a message of text was printed to its end."""

    @property
    def begun(self) -> bool:
        """Whether a message was printed in part."""
        return bool(self._shown)

    def take(self, event: Event) -> Piece:
        """The piece that `event` adds; most events add none."""
        if isinstance(event, TextDelta):
            self._shown += event.text
            return Piece(event.text)
        if isinstance(event, MessageStarted | AttemptStarted):
            replaces, self._shown = self.begun, ""
            return Piece("", replaces)
        if isinstance(event, MessageCompleted) and event.message.role == "assistant":
            return self._finish(event.message.text)
        if isinstance(event, RunCompleted) and not self._whole:
            return self._finish(event.text)
        return _NOTHING

    def _finish(self, text: str) -> Piece:
        shown, self._shown = self._shown, ""
        self._whole = self._whole or bool(text)
        if text.startswith(shown):
            return Piece(text[len(shown) :])
        return Piece(text, replaces=True)
