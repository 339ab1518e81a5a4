"""What goes out over a WebSocket, as the bytes of a frame. Made by the rest of this room.

An event is made once for all who listen: a server's frames bear no mask, so that they are the same
on every connection.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from typing import Any, Final

from muxi.runtime.frames import Frame

_TEXT: Final = 0x81
_SHORT: Final = 126
_LONG: Final = 127

PING: Final = b"\x89\x00"


def packet(text: str) -> bytes:
    """A text message in one frame (RFC 6455, 5.2)."""
    data = text.encode()
    size = len(data)
    if size < _SHORT:
        head = bytes((_TEXT, size))
    elif size < 1 << 16:
        head = struct.pack("!BBH", _TEXT, _SHORT, size)
    else:
        head = struct.pack("!BBQ", _TEXT, _LONG, size)
    return head + data


def message(kind: str, **members: Any) -> bytes:
    """A message of the server's own, without the members that are None."""
    told = {name: value for name, value in members.items() if value is not None}
    return packet(json.dumps({"type": kind, **told}, ensure_ascii=False, separators=(",", ":")))


def events_packet(thread_id: str, frames: Iterable[Frame]) -> bytes:
    """Events of a thread, each a message of its own."""
    return b"".join([frame.packet or _pack(thread_id, frame) for frame in frames])


def _pack(thread_id: str, frame: Frame) -> bytes:
    made = frame.packet = packet(
        f'{{"type":"event","thread_id":{json.dumps(thread_id)},"event":{frame.text}}}'
    )
    return made
