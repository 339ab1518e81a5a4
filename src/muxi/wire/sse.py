"""Server-sent events, read and written. Used by every provider and by the server.

Follows https://html.spec.whatwg.org/multipage/server-sent-events.html: any of CR, LF and CRLF ends
a line, in any chunking of the bytes, and text is UTF-8.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from muxi.core.errors import ModelProtocolError

_LINE_END = re.compile(rb"\r\n|\r|\n")
MAX_EVENT_BYTES = 64 * 1024 * 1024


class SseEvent(NamedTuple):
    """One event of a stream; `data` is its lines joined by LF."""

    event: str
    data: bytes
    id: str | None = None


class SseReader:
    """Bytes in, events out. `feed` takes chunks cut anywhere, even inside a character."""

    __slots__ = ("_after_cr", "_data", "_event", "_id", "_line", "_size", "_started")

    def __init__(self) -> None:
        self._after_cr = False
        self._data: list[bytes] = []
        self._event = ""
        self._id: str | None = None
        # The pieces of a line whose end has not come; joined once, however many they are.
        self._line: list[bytes] = []
        self._size = 0
        self._started = False

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        """The events that `chunk` completes.

        Raises:
            ModelProtocolError: One event is larger than 64 MiB.
        """
        if not chunk:
            return
        if self._after_cr:
            # The CR that ended the last chunk was the first half of CRLF.
            chunk = chunk.removeprefix(b"\n")
        self._after_cr = chunk.endswith(b"\r")
        if not self._started:
            chunk = b"".join((*self._line, chunk))
            self._line.clear()
            if len(chunk) < 3 and b"\xef\xbb\xbf".startswith(chunk):
                self._line.append(chunk)
                return
            chunk = chunk.removeprefix(b"\xef\xbb\xbf")
            self._started = True
        first, *lines = _LINE_END.split(chunk)
        self._line.append(first)
        self._size += len(first)
        if self._size > MAX_EVENT_BYTES:
            raise ModelProtocolError("One event of the stream is larger than 64 MiB.")
        if not lines:
            return
        lines.insert(0, first if len(self._line) == 1 else b"".join(self._line))
        last = lines.pop()
        self._line = [last] if last else []
        self._size += len(last)
        for line in lines:
            if line:
                self._field(line)
            elif self._data:
                yield self._take()
            else:
                self._event = ""
                self._size = sum(map(len, self._line))

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")

    def _take(self) -> SseEvent:
        self._size = sum(map(len, self._line))
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        event = SseEvent(self._event or "message", data, self._id)
        self._data = []
        self._event = ""
        return event


def encode_sse(event: str, data: str | bytes, *, id: int | None = None) -> bytes:
    """One event as bytes. `data` must be a single line, as JSON is."""
    body = data if isinstance(data, str) else data.decode()
    head = "" if id is None else f"id: {id}\n"
    return f"{head}event: {event}\ndata: {body}\n\n".encode()
