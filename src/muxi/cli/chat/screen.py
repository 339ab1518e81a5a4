"""What the chat shows, whatever it is shown on. `conversation` calls it with events and sentences.

`PlainScreen` serves pipes, files and dumb terminals: answers to standard output as they are, the
rest to standard error. `terminal.TerminalScreen` draws.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Protocol

from muxi.cli import narration, output
from muxi.cli.answer import AnswerText
from muxi.core.events import Event, MessageCompleted, RunCompleted, ToolCompleted, ToolStarted
from muxi.core.messages import Message


class Screen(Protocol):
    """Where a conversation appears."""

    verbose: bool
    """Whether results of tools and reasoning are shown whole."""

    def begin(self, agent: str) -> None:
        """An answer is about to come."""
        ...

    def event(self, event: Event) -> None:
        """Something happened in the run that answers."""
        ...

    def end(self) -> None:
        """The run has ended, waits, or is not followed any more."""
        ...

    def stopping(self) -> None:
        """The person asked to stop the answer."""
        ...

    def history(self, messages: Sequence[Message]) -> None:
        """Messages of earlier turns, oldest first."""
        ...

    def note(self, text: str) -> None:
        """A sentence from the chat itself."""
        ...

    def question(self, text: str) -> None:
        """What a person is to decide; shown as it is."""
        ...

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        """A short list: what, and a word about it."""
        ...

    def error(self, message: str, hint: str | None = None) -> None:
        """Something went wrong; the chat goes on."""
        ...


class PlainScreen:
    """Answers as raw text on standard output, everything else on standard error."""

    def __init__(self) -> None:
        self.verbose = False
        self._answer = AnswerText()
        self._at_line_start = True

    def begin(self, agent: str) -> None:
        self._answer = AnswerText()

    def event(self, event: Event) -> None:
        piece = self._answer.take(event)
        if piece.replaces:
            self._end_line()
            self.note("The unfinished answer above is void; this one takes its place.")
        if piece.text:
            output.write(piece.text)
            self._at_line_start = piece.text.endswith("\n")
        if isinstance(event, MessageCompleted | RunCompleted):
            self._end_line()
        if isinstance(event, ToolStarted):
            self.note(f"→ {event.name}({narration.arguments(event.arguments)})")
        elif isinstance(event, ToolCompleted):
            self.note(f"← {narration.tool_line(event)}")
        elif notice := narration.notice(event):
            self.note(notice)

    def end(self) -> None:
        self._end_line()

    def stopping(self) -> None:
        self.note("Stopping…")

    def history(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.text:
                cut = " (cut short)" if message.status == "partial" else ""
                output.say(f"{message.author or message.role}{cut}: {output.plain(message.text)}")

    def note(self, text: str) -> None:
        output.say(output.dim(output.plain(text)))

    def question(self, text: str) -> None:
        output.say(text)

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        width = max((len(name) for name, _ in rows), default=0)
        for name, text in rows:
            output.say(f"{output.plain(name):<{width}}  {output.plain(text)}".rstrip())

    def error(self, message: str, hint: str | None = None) -> None:
        output.error(message, hint)

    def _end_line(self) -> None:
        if not self._at_line_start:
            output.write("\n")
            self._at_line_start = True


def can_draw() -> bool:
    """Whether standard output is a terminal on which a region can be drawn again."""
    return output.is_terminal(sys.stdout) and os.environ.get("TERM") not in ("dumb", "", None)
