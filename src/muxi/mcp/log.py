"""What a server says beside its messages: its standard error, and garbage on its standard output.

Written by `process` and `connection`, read by `servers`. It is bounded in lines, in the length of a
line and in lines a second, so that a server that floods it costs next to nothing.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from muxi.telemetry.redaction import SECRETS

LINES = 1_000
"""The last so many are kept."""
LINE_LENGTH = 2_000
"""Characters; the rest of a longer line is left out."""
LINES_PER_SECOND = 200
"""More than that in one second are counted and left out."""


class ServerLog:
    """The last words of one server, with secrets masked."""

    def __init__(self, earlier: Iterable[str] = (), *, clock: Callable[[], float] = time.monotonic):
        self._lines = deque(earlier, maxlen=LINES)
        self._said: deque[str] = deque(maxlen=10)
        self._clock = clock
        self._second = -1
        self._in_second = 0
        self._dropped = 0
        self._rest = ""

    def begin(self) -> None:
        """A process begins: what others said before is not its last word."""
        self._said.clear()
        self._rest = ""

    def note(self, text: str) -> None:
        """Add a line of our own about the server: no flood of its lines may crowd that out."""
        self._append(f"muxi: {text}")

    def write(self, text: str, *, source: str = "") -> None:
        """Add one line; `source` says where it came from, if not from the standard error."""
        second = int(self._clock())
        if second != self._second:
            self._tell_dropped()
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second > LINES_PER_SECOND:
            self._dropped += 1
            return
        if not source:
            self._said.append(SECRETS.redact(text[:LINE_LENGTH]))
        self._append(f"{source}: {text}" if source else text)

    def feed(self, data: bytes) -> None:
        """Add what came from the standard error, of which the last line may be unfinished."""
        *lines, self._rest = (self._rest + data.decode("utf-8", "replace")).split("\n")
        for line in lines:
            self.write(line.rstrip("\r"))
        if len(self._rest) > LINE_LENGTH:
            self.write(self._rest)
            self._rest = ""

    def end(self) -> None:
        """The process is gone: what it left unfinished is its last line."""
        if self._rest:
            self.write(self._rest)
            self._rest = ""
        self._tell_dropped()

    def tail(self, count: int = LINES) -> list[str]:
        """The last lines, oldest first, each with its time."""
        lines = list(self._lines)
        if self._dropped:
            lines.append(_stamped(self._left_out()))
        return lines[-count:] if count > 0 else []

    def last_words(self, count: int = 3) -> str:
        """The end of the standard error as one text, to be told with an error."""
        return " / ".join(list(self._said)[-count:])[:500]

    def _append(self, text: str) -> None:
        text = SECRETS.redact(text[: LINE_LENGTH + 1])
        if len(text) > LINE_LENGTH:
            text = text[:LINE_LENGTH] + "…"
        self._lines.append(_stamped(text))

    def _tell_dropped(self) -> None:
        if self._dropped:
            self._append(self._left_out())
            self._dropped = 0

    def _left_out(self) -> str:
        return f"({self._dropped:,} further lines of one second are left out)"


def _stamped(text: str) -> str:
    return f"{datetime.now(UTC).isoformat(timespec='milliseconds')} {text}"
