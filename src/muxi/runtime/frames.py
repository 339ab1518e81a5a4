"""One event as the bytes that every reader gets. Called by `streams`, for live and stored events.

The bytes of an event are a function of the event alone, so that a replay equals what was sent.
"""

from __future__ import annotations

from muxi.core.events import Event, Gap
from muxi.storage.events import text_of
from muxi.wire.sse import encode_sse

PING = b": ping\n\n"


def frame_of(event: Event, text: str | None = None) -> bytes:
    """`event` as a frame of SSE; its number is the frame's id, `text` its JSON if that is known."""
    return encode_sse(event.type, text or text_of(event), id=event.seq)


def gap_frame(thread_id: str, *, after: int) -> bytes:
    """A notice that events after number `after` cannot be given: read the thread anew.

    It has no id, so that a reader who comes back asks from where it was.
    """
    gap = Gap(from_seq=after, thread_id=thread_id)
    return encode_sse(gap.type, gap.model_dump_json(exclude_none=True))
