"""What went over the wire, with times, and without secrets when it is shown.

Written by `session`, read by rules, by `muxi mcp inspect` and by reports.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from muxi.telemetry.redaction import Redactor

Direction = Literal["sent", "received", "stray", "stderr", "refused"]
"""`stray` came over the wire and is no message; `refused` is HTTP's own answer."""

_MOST: Final = 5_000
"""Frames that are kept of one connection: a server that floods must not fill the memory."""
_TEXT: Final = 20_000
"""Characters of a frame that are kept for showing."""
_SECRET_NAMES: Final = ("token", "secret", "password", "key", "authorization", "credential")


@dataclass(frozen=True, slots=True)
class Frame:
    """One message, or one line that is none."""

    at: float
    """Seconds since the connection was begun."""
    direction: Direction
    text: str
    message: Any = None
    """The value of JSON; None for a line."""


@dataclass(slots=True)
class FrameLog:
    """The frames of one connection, in order."""

    frames: list[Frame] = field(default_factory=list[Frame])
    dropped: int = 0
    """Frames that came when the log was full."""
    _began: float = field(default_factory=time.perf_counter)

    def add(self, direction: Direction, text: str, message: Any = None) -> None:
        """Note a frame; `message` is its JSON, if it is any."""
        if len(self.frames) >= _MOST:
            self.dropped += 1
            return
        at = time.perf_counter() - self._began
        self.frames.append(Frame(at, direction, text[:_TEXT], message))

    def sent(self, message: Mapping[str, Any]) -> None:
        """Note a message that this side sends."""
        self.add("sent", json.dumps(message, ensure_ascii=False), message)

    def of(self, direction: Direction) -> Iterator[Frame]:
        """The frames of one direction."""
        return (frame for frame in self.frames if frame.direction == direction)

    def lines(self, secrets: Redactor) -> Iterator[str]:
        """Each frame as a line for people, secrets masked."""
        marks = {"sent": "→", "received": "←", "stray": "!", "stderr": "#", "refused": "✗"}
        for frame in self.frames:
            yield f"{frame.at:8.3f} {marks[frame.direction]} {secrets.redact(frame.text)}"
        if self.dropped:
            yield f"         … and {self.dropped} more"


def redactor(*values: Mapping[str, str]) -> Redactor:
    """Masks the values whose names tell of a secret, and what looks like one."""
    secrets = Redactor()
    for pairs in values:
        for name, value in pairs.items():
            if any(word in name.lower() for word in _SECRET_NAMES):
                secrets.learn(value)
                secrets.learn(value.removeprefix("Bearer "))
    return secrets
