"""One event as every reader gets it. Made by `streams`, for live and stored events; read by doors.

The text of an event is a function of the event alone, so that a replay equals what was sent.
"""

from __future__ import annotations

from muxi.core.events import Event, Gap
from muxi.storage.events import text_of
from muxi.wire.sse import encode_sse

PING = b": ping\n\n"
"""What a stream of server-sent events says in silence, so that nobody takes the line for dead."""


class Frame:
    """An event and its forms on the wire, each made once and when the first reader wants it.

    All readers share it: nobody changes the event.
    """

    __slots__ = ("_sse", "_text", "event", "packet")

    def __init__(self, event: Event, text: str | None = None) -> None:
        self.event = event
        self.packet: bytes | None = None
        """The form that the WebSocket door has made of it, if it has."""
        self._text = text
        self._sse: bytes | None = None

    @property
    def seq(self) -> int:
        """The event's place in its thread; 0 for a notice that has none."""
        return self.event.seq

    @property
    def text(self) -> str:
        """The event as JSON."""
        text = self._text
        if text is None:
            text = self._text = text_of(self.event)
        return text

    @property
    def sse(self) -> bytes:
        """The event as a server-sent one; its number is the frame's id."""
        frame = self._sse
        if frame is None:
            event = self.event
            # Without an id, a reader who comes back asks from where it was.
            frame = self._sse = encode_sse(event.type, self.text, id=event.seq or None)
        return frame


def gap_frame(thread_id: str, *, after: int) -> Frame:
    """A notice that events after number `after` cannot be given: read the thread anew."""
    return Frame(Gap(from_seq=after, thread_id=thread_id))
